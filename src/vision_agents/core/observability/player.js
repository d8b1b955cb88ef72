// Plays the report's recording from wherever somebody presses: buttons, and drawings that say what they show.
const sound = document.getElementById("sound");
const drawings = document.getElementsByTagName("svg");

// The sound of a long call is a file of its own.
const MISSING =
  "The recording cannot be played. Put its file, call.wav, beside this page and load the page again, or take another browser.";

sound.addEventListener("error", () => {
  document.querySelector(".player span").textContent = MISSING;
});

function from(at) {
  if (sound.error) return;
  sound.currentTime = Math.max(0, at);
  // Who pauses before it has begun to play aborts that.
  sound.play().catch((error) => {
    if (error.name !== "AbortError") throw error;
  });
}

function shown({ dataset }) {
  return [Number(dataset.start), Number(dataset.end)];
}

document.addEventListener("click", ({ target, clientX }) => {
  const button = target.closest("[data-play]");
  if (button) from(Number(button.dataset.play));
  const drawing = target.closest("svg[data-start]");
  if (!drawing) return;
  const [start, end] = shown(drawing);
  const { left, width } = drawing.getBoundingClientRect();
  from(start + ((clientX - left) / width) * (end - start));
});

// Where it plays, in each drawing that shows that moment.
function follow() {
  const at = sound.currentTime;
  for (const drawing of drawings) {
    if (!("start" in drawing.dataset)) continue;
    const [start, end] = shown(drawing);
    const line = drawing.querySelector(".now");
    const inside = at >= start && at < end && (at > 0 || !sound.paused);
    line.setAttribute("visibility", inside ? "visible" : "hidden");
    const x = ((at - start) / (end - start)) * drawing.viewBox.baseVal.width;
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
  }
  if (!sound.paused) requestAnimationFrame(follow);
}

for (const event of ["play", "seeked", "timeupdate", "pause"]) sound.addEventListener(event, follow);
