// The page: its buttons, its call, and what it shows of the agent's records.

import { Call } from "./call.js";
import { Captions } from "./captions.js";
import { RecordedCaller } from "./caller.js";
import { Decisions } from "./decisions.js";
import { Events } from "./events.js";
import { Feed } from "./feed.js";
import { Floor, WORDS } from "./floor.js";
import { MicrophoneError, microphone } from "./microphone.js";
import { Meter, Timeline } from "./timeline.js";

const at = (id) => document.getElementById(id);

let page = null; // our number, while the agent is there
let hasCaller = false;
let busy = false; // somebody is in the call, on this page or another
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
  at("state-hint").textContent = caller && state === "idle" ? "" : hint;
}

function showButtons() {
  const talking = call !== null && caller === null;
  at("talk").disabled = page === null || beginning || (call !== null && !talking);
  at("talk").classList.toggle("active", talking);
  at("talk-label").textContent = talking ? "Hang up" : "Talk";
  at("headphones").disabled = beginning || call !== null;
  at("recorded").hidden = !hasCaller;
  at("recorded").disabled = page === null || beginning || talking;
  at("recorded-label").textContent = caller ? "Stop the recorded caller" : "Let a recorded caller talk";
}

function showLink() {
  if (page === null) at("link").textContent = "The agent is not running.";
  else if (busy && call === null) at("link").textContent = "Another tab is in the call. Talking here takes it over.";
  else at("link").textContent = call === null ? "ready" : doing || "in a call";
}

function notice(text) {
  at("notice").textContent = text;
  at("notice").hidden = !text;
}

// The call.

async function begin(open) {
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
    await mine.start(page);
  } catch (error) {
    if (mine?.over) return; // Hung up meanwhile.
    if (!(error instanceof MicrophoneError)) console.error(error);
    end(error.message);
  }
}

function connected() {
  if (!call?.remote) return;
  timeline.meters = [new Meter(context, call.stream), new Meter(context, call.remote)];
  floor.enter(true);
  caller?.run().catch((error) => end(error.message));
}

function end(text = "") {
  if (call) feed.hangUp();
  caller?.stop();
  call?.close();
  context?.close();
  call = caller = context = null;
  beginning = false;
  doing = "";
  timeline.meters = [];
  timeline.close();
  captions.close();
  floor.enter(false);
  showState(floor.state);
  showButtons();
  showLink();
  notice(text);
}

at("talk").addEventListener("click", () => {
  if (call) {
    end();
    return;
  }
  begin(() => {
    at("state-hint").textContent = "The browser may ask for the microphone.";
    return microphone(hasCaller, at("headphones").checked);
  });
});

at("recorded").addEventListener("click", () => {
  if (caller) {
    end();
    return;
  }
  begin(async () => {
    at("state-hint").textContent = "Preparing what the caller says.";
    caller = new RecordedCaller(context, floor, (text) => {
      doing = text;
      showLink();
    });
    await caller.load();
    return caller.stream;
  });
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

const EDGE = {
  hello: (record) => {
    page = record.page;
    hasCaller = record.caller;
    busy = record.busy;
    at("agent-name").textContent = record.agent;
    document.title = `Talk to ${record.agent}`;
    timeline.reset();
    decisions.reset();
    floor.reset();
  },
  busy: (record) => {
    busy = record.busy;
  },
  call: (record) => {
    if (record.participant !== call?.participant) return; // Of a call before this one.
    if (record.state === "connected") connected();
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

const feed = new Feed(take, (open) => {
  if (!open) {
    page = null;
    if (call) end("The agent stopped.");
    showButtons();
    showLink();
  }
});

addEventListener("pagehide", () => call?.close());
