// The page: its buttons, its call, and what it shows of the agent's records.

import { Call, LOST } from "./call.js";
import { Captions } from "./captions.js";
import { Conversation } from "./conversation.js";
import { RecordedCall } from "./recorded.js";
import { RecordedCaller } from "./caller.js";
import { Decisions } from "./decisions.js";
import { saveText } from "./download.js";
import { Events } from "./events.js";
import { Feed, GONE } from "./feed.js";
import { Floor, WORDS } from "./floor.js";
import { explained } from "./glossary.js";
import { History } from "./history.js";
import { keep, keys } from "./keys.js";
import { Line } from "./line.js";
import { MicrophoneError } from "./microphone.js";
import { Notice } from "./notice.js";
import { Offers } from "./offers.js";
import { Rescue } from "./rescue.js";
import { Settings } from "./settings.js";
import { shortcuts } from "./shortcuts.js";
import { ASLEEP, Sleep } from "./sleep.js";
import { Sound } from "./sound.js";
import { store, stored } from "./storage.js";
import { Summary } from "./summary.js";
import { themed } from "./theme.js";
import { Meter, Timeline } from "./timeline.js";
import { Typing } from "./typing.js";

const at = (id) => document.getElementById(id);

let page = null; // our id, while the agent is there
let about = {}; // what the server told of itself
let kept = false; // our conversation is there, whether we are in the call or not
let full = ""; // why there is no place for us
let beginning = false; // a button was pressed, and there is no call yet
let wiped = false; // whoever pressed it wants a new conversation
let call = null;
let last = null; // the connection of the call before
let caller = null;
let context = null;
let doing = ""; // what the recorded caller is up to

const captions = new Captions(at("captions"));
const timeline = new Timeline(at("timeline"));
const decisions = new Decisions(at("decisions"));
const events = new Events(at("events"));
const summary = new Summary(at("summary"), at("figures"));
const floor = new Floor(showState);
const notice = new Notice(at("notice"), at("notice-text"), at("notice-action"), at("notice-close"));
const rescue = new Rescue((text) => notice.say(text));
const offers = new Offers((message) => feed.send(message));
const typing = new Typing(at("typing"), at("text"), at("send"), (text) => feed.send({ do: "say", text }));
const sound = new Sound(
  {
    microphone: at("microphone"),
    speaker: at("speaker"),
    speakerLabel: at("speaker-label"),
    volume: at("volume"),
    mute: at("mute"),
  },
  at("voice"),
  () => line.exchange(),
  (text) => notice.say(text),
);
const line = new Line(sound, notice, at("headphones"), meter);
const settings = new Settings(
  {
    box: at("settings"),
    none: at("settings-none"),
    all: at("settings-all"),
    instructions: at("instructions"),
    apply: at("instructions-apply"),
    voiceBox: at("voice-settings"),
    voiceFixed: at("voice-fixed"),
    voice: at("voice-name"),
    voiceId: at("voice-id"),
    pace: at("voice-pace"),
    policy: at("policy"),
  },
  (wanted) => feed.send({ do: "change", ...wanted }),
);
const recorded = new RecordedCall(
  {
    files: at("recorded-files"),
    own: at("recorded-own"),
    play: at("recorded-play"),
    scrub: at("recorded-scrub"),
    clock: at("recorded-clock"),
    canvas: at("recorded-timeline"),
    captions: at("recorded-captions"),
    decisions: at("recorded-decisions"),
    policy: at("recorded-policy"),
    changes: at("recorded-changes"),
    view: at("recorded-view"),
    message: at("recorded-message"),
  },
  addressOf,
);

// What is made of the records of a conversation; the timeline shows nothing but the moment.
const conversation = new Conversation(new History(), [captions, decisions, events, summary]);

// What is shown.

function showState(state) {
  const [word, hint] = WORDS[state];
  at("state").dataset.state = state;
  at("state-word").textContent = word;
  at("state-hint").textContent = caller && state === "idle" ? "" : state === "off" ? hintOff(hint) : hint;
}

function hintOff(hint) {
  return page === null ? "" : full || (kept ? "Press Talk: your conversation goes on." : hint);
}

function showButtons() {
  const talking = call !== null && caller === null;
  const barred = page === null || beginning || (full !== "" && call === null);
  at("talk").disabled = barred || (call !== null && !talking);
  at("talk").classList.toggle("active", talking);
  at("talk-label").textContent = talking ? "Hang up" : "Talk";
  at("headphones").disabled = beginning || call !== null;
  at("recorded").hidden = !about.recorded;
  at("recorded").disabled = barred || talking;
  at("fresh").hidden = about.sole || !kept;
  at("fresh").disabled = barred;
  at("recorded-label").textContent = caller ? "Stop the recorded caller" : "Let a recorded caller talk";
  typing.enable(call?.remote != null);
}

// Where a file of our conversation is to be had.
function addressOf(name) {
  return `call/${name}?${new URLSearchParams({ page: page ?? "" })}`;
}

function showDownloads() {
  for (const link of document.querySelectorAll("a.kept")) {
    link.hidden = page === null || !about.workbench;
    link.href = addressOf(link.dataset.file);
  }
}

function showLink() {
  if (page === null) at("link").textContent = "The agent is not running.";
  else if (full && call === null) at("link").textContent = "no place";
  else at("link").textContent = call === null ? "ready" : doing || "in a call";
}

// The call.

async function begin(open, fresh, patient) {
  let mine = null;
  beginning = true;
  wiped = fresh;
  notice.clear();
  floor.show("connecting");
  showButtons();
  context = new AudioContext({ latencyHint: "interactive" });
  try {
    const stream = await open();
    mine = call = new Call(stream, at("voice"), (text) => end(retry(text)), silenced);
    beginning = false;
    if (!caller) line.take(mine, stream);
    showButtons();
    showLink();
    if (page === null) throw new Error(LOST);
    await mine.start((sdp) => offers.make(sdp, fresh, patient));
  } catch (error) {
    if (mine?.over) return; // Hung up meanwhile.
    if (!(error instanceof MicrophoneError)) console.error(error);
    end(error.message);
  }
}

function silenced() {
  const allow = () => {
    at("voice").play();
    context?.resume();
    notice.clear("silence");
  };
  notice.say("The browser plays no sound before you press something.", {
    about: "silence",
    act: { label: "Let me hear the agent", run: allow },
  });
}

// Of a call that is not yet connected there is nothing to hear.
function meter() {
  if (!call?.remote) return;
  timeline.meters = [new Meter(context, call.stream), new Meter(context, call.remote)];
}

function connected({ agent, fresh }) {
  rescue.connected();
  named(agent);
  if (fresh) conversation.renew(wiped);
  if (fresh) timeline.clear();
  if (!call?.remote) return;
  meter();
  floor.enter(true);
  showButtons();
  caller?.run().catch((error) => end(error.message));
}

// What broke a call, or kept it from beginning, with what to do. What was refused says so itself.
function retry(text) {
  return `${text} Press Talk to try again.`;
}

function end(text = "") {
  if (call) feed.send({ do: "hang up" });
  drop();
  floor.enter(false);
  showState(floor.state);
  showButtons();
  showLink();
  summary.show();
  // What went wrong stays to be read when the call is over.
  if (text) notice.say(text);
  else notice.clear("silence");
}

// Let go of the call, without a word to the agent.
function drop() {
  caller?.stop();
  call?.close();
  last = call?.id ?? last;
  context?.close();
  call = caller = context = null;
  beginning = false;
  doing = "";
  line.leave();
  timeline.meters = [];
  timeline.close();
}

function talk(fresh, patient = false) {
  begin(() => {
    at("state-hint").textContent = "The browser may ask for the microphone.";
    return line.open(about.recorded);
  }, fresh, patient);
}

function playRecorded(fresh, patient = false) {
  begin(async () => {
    at("state-hint").textContent = "Preparing what the caller says.";
    caller = new RecordedCaller(context, floor, (text) => {
      doing = text;
      showLink();
    });
    await caller.load();
    return caller.stream;
  }, fresh, patient);
}

// How to call again as in the call of now.
function again() {
  return caller === null ? talk : playRecorded;
}

for (const id of ["talk", "recorded", "fresh"]) at(id).addEventListener("click", () => rescue.reset());
at("talk").addEventListener("click", () => (call ? end() : talk(false)));
at("recorded").addEventListener("click", () => (caller ? end() : playRecorded(false)));
at("fresh").addEventListener("click", () => {
  const how = again();
  // The agent ends the conversation before by itself: a word that comes late could end the new one.
  drop();
  how(true);
});

// Around the call.

at("headphones").checked = stored("headphones") === "yes";
at("headphones").addEventListener("change", ({ target }) => store("headphones", target.checked ? "yes" : "no"));
themed(at("theme"), () => [timeline, recorded.timeline].forEach((each) => each.recolour()));
explained(at("terms"));
shortcuts(at("shortcuts"), {
  T: ["talk, or hang up", () => at("talk").click()],
  M: ["mute the microphone, or let it be heard again", () => sound.toggle()],
  N: ["new conversation", () => at("fresh").hidden || at("fresh").click()],
  "/": ["type to the agent", () => at("text").focus()],
});
at("transcript").addEventListener("click", () => saveText("transcript.txt", captions.text()));

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
    about = record;
    page = record.page;
    keep(record.key, record.sole);
    named(record.agent);
    placed(record);
    settings.allow(record.workbench);
    settings.hide();
    at("recorded-call").hidden = !record.workbench;
    showDownloads();
    captions.close();
    timeline.reset();
    decisions.reset();
    floor.reset();
    rescue.back(kept);
  },
  past: ({ records }) => {
    conversation.replace(records);
    if (call === null) summary.show();
  },
  place: (record) => {
    placed(record);
    if (!kept) settings.hide();
  },
  settings: (record) => settings.show(record),
  call: (record) => {
    if (record.connection !== call?.id) late(record);
    else if (record.state === "connected") connected(record);
    else if (record.state === "taken over") end("The call was taken over by another tab. Press Talk to take it back.");
    else if (record.state === "lost") lose(record.error);
    else if (record.state === "failed") end(retry(record.error));
    else end();
  },
  answer: (record) => offers.take(record),
  refused: (record) => {
    if (record.do === "connect") offers.take(record.failed ? { ...record, error: retry(record.error) } : record);
    else notice.say(`That was not done: ${record.error}.`);
    if (record.do === "change") settings.restore();
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
    notice.say(`${record.component}: ${record.error}`);
  }
  floor.take(record);
  timeline.take(record);
  conversation.take(record);
}

// Of a call before this one: why it ended may be told after that it did.
function late({ connection, state, error }) {
  if (state === "failed" && connection === last && call === null && !beginning) {
    notice.say(retry(error));
  }
}

// The process of our agent is gone.
function lose(error) {
  const how = again();
  drop();
  if (!rescue.now(how, `${error} Another agent goes on.`)) end(retry(error));
}

function linked(open) {
  if (open) {
    notice.clear("server");
    return;
  }
  page = null;
  showDownloads();
  // At the first try of a page that was just opened, and as long as it does not come back. That a call ended stays.
  if (sleep.recent) (call || beginning) && notice.say(ASLEEP);
  else notice.say(GONE, { about: "server", act: { label: "Try again now", run: () => feed.again() } });
  if (call && !sleep.recent) rescue.later(again());
  if (call || beginning) end();
  else showState("off");
  showButtons();
  showLink();
}

const sleep = new Sleep(() => feed.again());
conversation.show();
summary.show();
const feed = new Feed(keys, take, linked);

addEventListener("pagehide", () => call?.close());
