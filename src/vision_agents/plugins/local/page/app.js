// The page: its buttons, its call, and what it shows of the agent's records.

import { Call } from "./call.js";
import { Captions } from "./captions.js";
import { RecordedCaller } from "./caller.js";
import { Decisions } from "./decisions.js";
import { Events } from "./events.js";
import { Feed } from "./feed.js";
import { Floor, WORDS } from "./floor.js";
import { keep, keys } from "./keys.js";
import { MicrophoneError, microphone } from "./microphone.js";
import { Meter, Timeline } from "./timeline.js";

const at = (id) => document.getElementById(id);

let page = null; // our id, while the agent is there
let hasCaller = false;
let sole = false; // there is one agent, and no other conversation with it
let kept = false; // our conversation is there, whether we are in the call or not
let full = ""; // why there is no place for us
let beginning = false; // a button was pressed, and there is no call yet
let call = null;
let caller = null;
let context = null;
let doing = ""; // what the recorded caller is up to

const captions = new Captions(at("captions"));
const timeline = new Timeline(at("timeline"));
const decisions = new Decisions(at("decisions"));
const events = new Events(at("events"));
const floor = new Floor(showState);

// What is shown.

function showState(state) {
  const [word, hint] = WORDS[state];
  at("state").dataset.state = state;
  at("state-word").textContent = word;
  at("state-hint").textContent = caller && state === "idle" ? "" : state === "off" ? hintOff(hint) : hint;
}

function hintOff(hint) {
  if (full) return full;
  return kept ? "Press Talk: your conversation goes on." : hint;
}

function showButtons() {
  const talking = call !== null && caller === null;
  const barred = page === null || beginning || (full !== "" && call === null);
  at("talk").disabled = barred || (call !== null && !talking);
  at("talk").classList.toggle("active", talking);
  at("talk-label").textContent = talking ? "Hang up" : "Talk";
  at("headphones").disabled = beginning || call !== null;
  at("recorded").hidden = !hasCaller;
  at("recorded").disabled = barred || talking;
  at("fresh").hidden = sole || !kept;
  at("fresh").disabled = barred;
  at("recorded-label").textContent = caller ? "Stop the recorded caller" : "Let a recorded caller talk";
}

function showLink() {
  if (page === null) at("link").textContent = "The agent is not running.";
  else if (full && call === null) at("link").textContent = "no place";
  else at("link").textContent = call === null ? "ready" : doing || "in a call";
}

function notice(text) {
  at("notice").textContent = text;
  at("notice").hidden = !text;
}

// The call.

async function begin(open, fresh = false) {
  let mine = null;
  beginning = true;
  notice("");
  showState("connecting");
  showButtons();
  context = new AudioContext({ latencyHint: "interactive" });
  try {
    const stream = await open();
    mine = call = new Call(stream, at("voice"), (text) => end(`${text} Press Talk to try again.`));
    beginning = false;
    showButtons();
    showLink();
    stream.getAudioTracks()[0].onended = () => end("The microphone was taken away. Plug it in and press Talk again.");
    await mine.start(page, fresh);
  } catch (error) {
    if (mine?.over) return; // Hung up meanwhile.
    if (!(error instanceof MicrophoneError)) console.error(error);
    end(error.message);
  }
}

function connected({ agent, fresh }) {
  named(agent);
  if (fresh) {
    for (const panel of [captions, timeline, decisions, events]) panel.clear();
  }
  if (!call?.remote) return;
  timeline.meters = [new Meter(context, call.stream), new Meter(context, call.remote)];
  floor.enter(true);
  caller?.run().catch((error) => end(error.message));
}

function end(text = "") {
  if (call) feed.hangUp();
  drop();
  floor.enter(false);
  showState(floor.state);
  showButtons();
  showLink();
  notice(text);
}

// Let go of the call, without a word to the agent.
function drop() {
  caller?.stop();
  call?.close();
  context?.close();
  call = caller = context = null;
  beginning = false;
  doing = "";
  timeline.meters = [];
  timeline.close();
}

function talk(fresh) {
  begin(() => {
    at("state-hint").textContent = "The browser may ask for the microphone.";
    return microphone(hasCaller, at("headphones").checked);
  }, fresh);
}

function playRecorded(fresh) {
  begin(async () => {
    at("state-hint").textContent = "Preparing what the caller says.";
    caller = new RecordedCaller(context, floor, (text) => {
      doing = text;
      showLink();
    });
    await caller.load();
    return caller.stream;
  }, fresh);
}

at("talk").addEventListener("click", () => (call ? end() : talk(false)));
at("recorded").addEventListener("click", () => (caller ? end() : playRecorded(false)));
at("fresh").addEventListener("click", () => {
  const recorded = caller !== null;
  // The agent ends the conversation before by itself: a word that comes late could end the new one.
  drop();
  if (recorded) playRecorded(true);
  else talk(true);
});

// Kept for the next visit, where the browser allows it.
try {
  at("headphones").checked = localStorage.getItem("headphones") === "yes";
  at("headphones").addEventListener("change", ({ target }) => {
    localStorage.setItem("headphones", target.checked ? "yes" : "no");
  });
} catch (error) {
  console.info("the choice of headphones is not kept", error);
}

// The records.

function named(agent) {
  at("agent-name").textContent = agent;
  document.title = `Talk to ${agent}`;
}

function placed(record) {
  ({ kept, full } = record);
  if (call === null && !beginning) showState("off");
}

const EDGE = {
  hello: (record) => {
    ({ page, sole, recorded: hasCaller } = record);
    keep(record.key, sole);
    named(record.agent);
    placed(record);
    captions.close();
    timeline.reset();
    decisions.reset();
    floor.reset();
  },
  place: placed,
  call: (record) => {
    if (record.connection !== call?.id) return; // Of a call before this one.
    if (record.state === "connected") connected(record);
    else if (record.state === "taken over") end("The call was taken over by another tab. Press Talk to take it back.");
    else if (record.state === "failed") end(`${record.error} Press Talk to try again.`);
    else end();
  },
  lost: (record) => console.warn(`${record.records} records were left out: this page is too slow`),
};

function take(record) {
  if (record.edge) {
    EDGE[record.edge]?.(record);
    showButtons();
    showLink();
    return;
  }
  if (record.note === "ComponentFailed") {
    notice(`${record.component}: ${record.error}`);
  }
  floor.take(record);
  captions.take(record);
  timeline.take(record);
  decisions.take(record);
  events.take(record);
}

const feed = new Feed(keys, take, (open) => {
  if (!open) {
    page = null;
    if (call) end("The agent stopped.");
    showButtons();
    showLink();
  }
});

addEventListener("pagehide", () => call?.close());
