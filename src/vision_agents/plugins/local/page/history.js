// The records of this tab's calls, kept over a reload, also when the server has forgotten them.

import { store, stored } from "./storage.js";

const NAME = "records";
const MOST = 600; // records, and characters of them: what a browser keeps of a page is little
const LONGEST = 400_000;

export class History {
  constructor() {
    this.records = read();
    addEventListener("pagehide", () => this.save());
    document.addEventListener("visibilitychange", () => document.hidden && this.save());
  }

  take(record) {
    this.records.push(record);
    if (this.records.length > 2 * MOST) this.records = this.records.slice(-MOST);
  }

  // The server knows the conversation of now, and none before it.
  replace(records) {
    const before = this.records.findLastIndex(({ divider }) => divider);
    this.records = [...this.records.slice(0, before + 1), ...records];
  }

  clear() {
    this.records = [];
  }

  save() {
    let records = this.records.slice(-MOST);
    let text = JSON.stringify(records);
    while (text.length > LONGEST) {
      records = records.slice(Math.ceil(records.length / 4));
      text = JSON.stringify(records);
    }
    store(NAME, text, { tab: true });
  }
}

function read() {
  try {
    const records = JSON.parse(stored(NAME, { tab: true }) ?? "[]");
    return Array.isArray(records) ? records : [];
  } catch (error) {
    console.info("the records before the reload cannot be read", error);
    return [];
  }
}
