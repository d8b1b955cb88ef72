// What was said and decided, in all panels that show it, and kept over a reload.

const DIVIDER = "A new conversation: the agent does not know what stands above.";

export class Conversation {
  constructor(history, panels) {
    this.history = history;
    this.panels = panels;
  }

  take(record) {
    this.history.take(record);
    for (const panel of this.panels) panel.take(record);
  }

  // All that is known of it, from its beginning.
  show() {
    this.wipe();
    for (const record of this.history.records) {
      for (const panel of this.panels) panel.take(record);
    }
  }

  replace(records) {
    this.history.replace(records);
    this.show();
  }

  // Another one begins. wiped: what was said before goes.
  renew(wiped) {
    if (wiped) {
      this.wipe();
      this.history.clear();
    } else if (this.history.records.length) {
      this.take({ divider: DIVIDER });
    }
  }

  wipe() {
    for (const panel of this.panels) panel.clear();
  }
}
