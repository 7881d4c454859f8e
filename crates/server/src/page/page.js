// What the page does beyond its forms and links: dropping clips, showing how far things are, and moving player, timeline and pictures together.
"use strict";

const node = (name, text, attributes = {}) => {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};

// The list of what was checked here: in this browser alone.
const LIST = "proofmark.checked";
const checked = () => {
  try {
    return JSON.parse(localStorage.getItem(LIST)) ?? [];
  } catch {
    return [];
  }
};
const keep = (all) => {
  try {
    localStorage.setItem(LIST, JSON.stringify(all.slice(0, 100)));
  } catch {
    // A browser that keeps nothing shows no list.
  }
};

const report = document.querySelector("[data-report]");
if (report) {
  const { report: id, name, word, sign, class: tone } = report.dataset;
  const others = checked().filter((one) => one.id !== id);
  const before = checked().find((one) => one.id === id);
  keep([{ id, name, word, sign, tone, at: before?.at ?? Date.now() }, ...others]);
}

const list = document.querySelector("#checked");
if (list) {
  const show = () => {
    const all = checked().filter((one) => Date.now() - one.at < 1000 * Number(list.dataset.keep));
    keep(all);
    list.hidden = !all.length;
    list.querySelector("ul").replaceChildren(
      ...all.map((one) => {
        const row = node("li", "");
        row.append(node("span", one.sign, { class: `sign ${one.tone}`, "aria-hidden": "true" }));
        const about = node("span", "");
        about.append(node("a", one.name, { href: `/reports/${one.id}` }), ` ${one.word}, ${new Date(one.at).toLocaleString(document.documentElement.lang)}`);
        row.append(about);
        return row;
      }),
    );
  };
  list.querySelector(".forget").addEventListener("click", () => {
    keep([]);
    show();
  });
  show();
}

// Sends a form with one file, and tells how much of it was sent.
const upload = (action, file, sent) =>
  new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", action);
    request.setRequestHeader("Accept", "application/json");
    request.upload.onprogress = (e) => e.lengthComputable && sent(e.loaded / e.total);
    request.onerror = () => failed(null);
    request.onload = () => {
      let told = {};
      try {
        told = JSON.parse(request.responseText);
      } catch {
        // Whatever stood in between has answered.
      }
      if (request.status < 400 && told.at) done(told);
      else failed(told.error ?? "");
    };
    const body = new FormData();
    body.append("clip", file, file.name);
    request.send(body);
  });

const asks = async (address) => {
  const answer = await fetch(address, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(answer.status);
  return answer.json();
};
const isGone = (error) => error.message === "404";
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

const form = document.querySelector("form.drop");
if (form) {
  const input = form.querySelector("input[type=file]");
  const status = form.querySelector("[role=status]");
  const bar = form.querySelector("progress");
  const button = form.querySelector("button");
  const { several, tooMany, unreachable, sending, refused } = form.dataset;
  let busy = false;
  input.multiple = true;
  form.querySelector(".several").hidden = false;
  const why = (error) => (error === null ? unreachable : error || refused);
  const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

  const one = async (file) => {
    try {
      const told = await upload(form.action, file, (share) => {
        bar.value = share;
        status.textContent = `${sending} ${file.name}: ${Math.round(100 * share)} %`;
      });
      location.assign(told.at);
    } catch (error) {
      busy = button.disabled = false;
      bar.hidden = true;
      status.textContent = sentence(why(error));
    }
  };

  // Several are sent one after the other, and each row tells how its clip stands.
  const many = async (files) => {
    const rows = node("ul", "", { class: "list", "aria-live": "polite" });
    form.after(rows);
    if (files.length > several) status.textContent = tooMany;
    let left = Math.min(files.length, several);
    const follow = async (row, name, at) => {
      for (let missed = 0; missed < 20; ) {
        try {
          const told = await asks(`${at}/progress`);
          missed = 0;
          row.querySelector(".stage").textContent = told.done ? ` ${told.result.word}: ${told.result.summary}` : ` ${told.glimpse ?? told.stage}`;
          if (told.done) {
            row.dataset.severity = told.result.severity;
            row.querySelector(".name").replaceChildren(node("a", name, { href: at }));
            break;
          }
        } catch (error) {
          missed = isGone(error) ? 20 : missed + 1;
        }
        await pause(500);
      }
    };
    for (const file of [...files].slice(0, several)) {
      const row = node("li", "");
      const about = node("span", "");
      about.append(node("strong", file.name, { class: "name" }), node("span", "", { class: "stage" }));
      row.append(about);
      rows.append(row);
      try {
        const told = await upload(form.action, file, (share) => {
          bar.value = share;
          row.querySelector(".stage").textContent = ` ${sending}: ${Math.round(100 * share)} %`;
        });
        follow(row, file.name, told.at);
      } catch (error) {
        row.querySelector(".stage").textContent = ` ${sentence(why(error))}`;
      }
      left -= 1;
    }
    busy = button.disabled = false;
    bar.hidden = left === 0;
    form.reset();
  };

  const send = () => {
    if (busy || !input.files.length) return;
    busy = button.disabled = true;
    bar.hidden = false;
    bar.value = 0;
    const files = [...input.files];
    if (files.length === 1) one(files[0]);
    else many(files);
  };

  form.addEventListener("submit", (e) => {
    e.preventDefault();
    send();
  });
  input.addEventListener("change", send);
  for (const name of ["dragenter", "dragover"]) form.addEventListener(name, (e) => (e.preventDefault(), form.classList.add("over")));
  for (const name of ["dragleave", "drop"]) form.addEventListener(name, () => form.classList.remove("over"));
  form.addEventListener("drop", (e) => {
    e.preventDefault();
    if (!e.dataTransfer.files.length) return;
    input.files = e.dataTransfer.files;
    send();
  });
}

const working = document.querySelector("[data-progress]");
if (working) {
  const bar = working.querySelector("progress");
  const [stage, glimpse] = [".stage", ".glimpse"].map((one) => working.querySelector(one));
  let missed = 0;
  const say = (where, text) => where.textContent !== text && (where.textContent = text);
  const look = async () => {
    try {
      const told = await asks(working.dataset.progress);
      missed = 0;
      say(stage, told.stage);
      say(glimpse, told.glimpse ?? "");
      if (told.done) {
        document.title = `${working.dataset.done} ${document.title}`;
        return location.reload();
      }
      if (told.share === null) bar.removeAttribute("value");
      else bar.value = told.share;
    } catch (error) {
      // It was stopped elsewhere, or its time is over: the page says so.
      if (isGone(error)) return location.reload();
      // The server may be starting again; whoever waits is told once that is not soon over.
      missed += 1;
      if (missed === 5) say(stage, working.dataset.silent);
    }
    setTimeout(look, 500);
  };
  look();
}

const player = document.querySelector(".player video, .player audio");
const clock = (seconds) => {
  const all = Math.round(1000 * Math.max(0, seconds));
  const two = (n, digits) => String(n).padStart(digits, "0");
  return `${Math.floor(all / 60000)}:${two(Math.floor(all / 1000) % 60, 2)}.${two(all % 1000, 3)}`;
};

// The registered picture of the moment that the player shows.
const original = document.querySelector(".player.registered");
if (player && original) {
  const stills = JSON.parse(original.dataset.stills);
  const [offset, speed] = [Number(original.dataset.offset), Number(original.dataset.speed)];
  const picture = original.querySelector("img");
  const at = original.querySelector(".at");
  const show = () => {
    const time = offset + speed * player.currentTime;
    const apart = ([when]) => Math.abs(when - time);
    const nearest = stills.reduce((best, one) => (apart(one) < apart(best) ? one : best));
    if (picture.getAttribute("src") !== nearest[1]) picture.src = nearest[1];
    at.textContent = clock(nearest[0]);
  };
  for (const name of ["timeupdate", "seeked", "loadedmetadata"]) player.addEventListener(name, show);
  picture.addEventListener("error", () => (original.hidden = true), { once: true });
  original.hidden = false;
  // What is drawn over the clip is drawn over the picture, too.
  const drawn = document.querySelector(".player .difference");
  if (drawn) picture.after(drawn.cloneNode(true));
  show();
}

const timeline = document.querySelector("svg.timeline");
if (player && timeline) {
  const seconds = Number(timeline.dataset.seconds);
  const [left, width] = [Number(timeline.dataset.left), Number(timeline.dataset.width)];
  const head = timeline.querySelector(".head");
  const slider = timeline.parentElement;
  const move = () => {
    head.setAttribute("transform", `translate(${left + (width * Math.min(player.currentTime, seconds)) / seconds} 0)`);
    slider.setAttribute("aria-valuenow", player.currentTime.toFixed(3));
    slider.setAttribute("aria-valuetext", `${player.currentTime.toFixed(3)} ${slider.dataset.seconds}`);
  };
  const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: 10, PageDown: -10, Home: -Infinity, End: Infinity };
  slider.addEventListener("keydown", (e) => {
    if (!(e.key in steps)) return;
    e.preventDefault();
    player.currentTime = Math.max(0, Math.min(seconds, player.currentTime + steps[e.key]));
  });
  const draw = () => {
    move();
    if (!player.paused) requestAnimationFrame(draw);
  };
  player.addEventListener("play", draw);
  player.addEventListener("seeked", move);
  timeline.addEventListener("click", (e) => {
    const at = new DOMPoint(e.clientX, e.clientY).matrixTransform(timeline.getScreenCTM().inverse());
    player.currentTime = Math.max(0, Math.min(1, (at.x - left) / width)) * seconds;
  });
  head.removeAttribute("hidden");
  move();
}

for (const area of document.querySelectorAll("[data-toggles]")) {
  const show = () => document.querySelectorAll(area.dataset.toggles).forEach((what) => what.classList.toggle("off", !area.checked));
  area.addEventListener("change", show);
  show();
}

const copy = document.querySelector("button.copy");
if (copy) {
  const link = document.querySelector("#link");
  link.value = location.href.split("#")[0];
  copy.hidden = !navigator.clipboard;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(link.value);
    copy.textContent = copy.dataset.copied;
  });
}

const print = document.querySelector("button.print");
if (print) {
  print.hidden = false;
  print.addEventListener("click", () => {
    // What is folded is in no print.
    for (const folded of document.querySelectorAll("details:not(.screen)")) folded.open = true;
    window.print();
  });
}
