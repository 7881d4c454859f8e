// Plays packages in Chromium: play.mjs CHROMIUM FOLDER..., each with index.m3u8 and index.mpd, which
// hls.js and dash.js play to their ends. It stands beside its node_modules: scripts/players.py
// copies it there. Answers a JSON object for each player and folder.
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import puppeteer from "puppeteer-core";

const [chromium, ...folders] = process.argv.slice(2);
const PLAYERS = {
  "hls.js": {
    script: "hls.js/dist/hls.min.js",
    index: "index.m3u8",
    start: `const hls = new Hls(); hls.on(Hls.Events.ERROR, (_, e) => told.errors.push(e.details));
      hls.on(Hls.Events.LEVEL_SWITCHED, (_, e) => told.levels.add(e.level));
      hls.on(Hls.Events.MANIFEST_PARSED, (_, e) => told.renditions = e.levels.length);
      hls.loadSource(index); hls.attachMedia(video);`,
  },
  "dash.js": {
    script: "dashjs/dist/modern/umd/dash.all.min.js",
    index: "index.mpd",
    start: `const player = dashjs.MediaPlayer().create();
      player.on("error", (e) => told.errors.push(e.error.message));
      player.on("qualityChangeRendered", (e) => told.levels.add(e.newRepresentation?.id));
      player.on("streamInitialized", () =>
        told.renditions = player.getRepresentationsByType("video").length);
      player.initialize(video, index, true);`,
  },
};
const KINDS = { ".mp4": "video/mp4", ".m4s": "video/mp4", ".m3u8": "application/vnd.apple.mpegurl",
  ".mpd": "application/dash+xml", ".js": "text/javascript" };

// One player's page over a folder.
function page({ script, index, start }) {
  return `<!doctype html><video muted></video><script src="/modules/${script}"></script><script>
    const told = { errors: [], levels: new Set(), renditions: 0 };
    const video = document.querySelector("video"), index = "/clip/${index}";
    video.addEventListener("loadedmetadata", () => video.play().catch((e) => told.errors.push(String(e))));
    window.told = () => ({ ...told, levels: [...told.levels], ended: video.ended, time: video.currentTime,
      duration: video.duration, width: video.videoWidth, height: video.videoHeight,
      dropped: video.getVideoPlaybackQuality().droppedVideoFrames,
      frames: video.getVideoPlaybackQuality().totalVideoFrames,
      audio: video.webkitAudioDecodedByteCount > 0,
      start: video.buffered.length && video.buffered.start(0), gaps: video.buffered.length - 1 });
    ${start}</script>`;
}

function serve(folder, player) {
  return http.createServer((request, response) => {
    const [, root, ...rest] = decodeURI(request.url.split("?")[0]).split("/");
    if (!root) return response.setHeader("content-type", "text/html").end(page(player));
    const file = path.join(root === "modules" ? "node_modules" : folder, ...rest);
    if (!fs.statSync(file, { throwIfNoEntry: false })?.isFile()) return response.writeHead(404).end();
    response.setHeader("content-type", KINDS[path.extname(file)] ?? "application/octet-stream");
    response.end(fs.readFileSync(file));
  });
}

const browser = await puppeteer.launch({
  executablePath: chromium,
  args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
});
const answers = [];
for (const folder of folders) {
  for (const [name, player] of Object.entries(PLAYERS)) {
    if (!fs.existsSync(path.join(folder, player.index))) continue;
    const server = serve(folder, player).listen(0, "127.0.0.1");
    const tab = await browser.newPage();
    await tab.goto(`http://127.0.0.1:${server.address().port}/`);
    let told, waited = 0;
    do {
      await new Promise((resolve) => setTimeout(resolve, 500));
      told = await tab.evaluate(() => window.told());
    } while (!told.ended && (waited += 0.5) < (told.duration || 20) + 20);
    answers.push({ player: name, folder, ...told });
    await tab.close();
    server.close();
  }
}
await browser.close();
console.log(JSON.stringify(answers, null, 1));
