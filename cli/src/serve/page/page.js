// What the page does beyond its forms and links: dropping a clip, showing how far things are, and moving player and timeline together.
"use strict";

const form = document.querySelector("form.drop");
if (form) {
  const input = form.querySelector("input[type=file]");
  const status = form.querySelector("[role=status]");
  const bar = form.querySelector("progress");
  const button = form.querySelector("button");
  let sending = false;

  const send = () => {
    if (sending || !input.files.length) return;
    sending = true;
    button.disabled = true;
    bar.hidden = false;
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.upload.onprogress = (e) => {
      if (!e.lengthComputable) return;
      bar.value = e.loaded / e.total;
      status.textContent = `Sending ${input.files[0].name}: ${Math.round(100 * bar.value)} %`;
    };
    const failed = (why) => {
      sending = false;
      button.disabled = false;
      bar.hidden = true;
      status.textContent = why;
    };
    request.onerror = () => failed("The server cannot be reached. Try again.");
    request.onload = () => {
      if (request.status < 400) return location.assign(request.responseURL);
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      failed(page.querySelector("main p")?.textContent ?? `The server refused this (${request.status}).`);
    };
    request.send(new FormData(form));
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
  const status = working.querySelector("[role=status]");
  const said = status.textContent;
  let missed = 0;
  const look = async () => {
    try {
      const told = await (await fetch(working.dataset.progress)).json();
      if (missed > 4) status.textContent = said;
      missed = 0;
      if (told.done) {
        document.title = `Done: ${document.title}`;
        status.textContent = "Done.";
        return location.reload();
      }
      if (told.share !== null) bar.value = told.share;
    } catch {
      // The server may be starting again; whoever waits is told once that is not soon over.
      missed += 1;
      if (missed === 5) status.textContent = "The server does not answer. This page goes on asking; what was sent is taken up again when it is back.";
    }
    setTimeout(look, 500);
  };
  look();
}

const player = document.querySelector(".player video, .player audio");
const timeline = document.querySelector("svg.timeline");
if (player && timeline) {
  const seconds = Number(timeline.dataset.seconds);
  const [left, width] = [Number(timeline.dataset.left), Number(timeline.dataset.width)];
  const head = timeline.querySelector(".head");
  const slider = timeline.parentElement;
  const move = () => {
    head.setAttribute("transform", `translate(${left + (width * Math.min(player.currentTime, seconds)) / seconds} 0)`);
    slider.setAttribute("aria-valuenow", player.currentTime.toFixed(3));
    slider.setAttribute("aria-valuetext", `${player.currentTime.toFixed(3)} seconds`);
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
  const what = document.querySelector(area.dataset.toggles);
  const show = () => what.classList.toggle("off", !area.checked);
  area.addEventListener("change", show);
  show();
}

const copy = document.querySelector("button.copy");
if (copy) {
  const link = document.querySelector("#link");
  link.value = location.href;
  copy.hidden = !navigator.clipboard;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(link.value);
    copy.textContent = "Copied";
  });
}

const print = document.querySelector("button.print");
if (print) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}
