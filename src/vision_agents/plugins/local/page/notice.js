// What went wrong, or is to be known, and what to do about it. It stays until it is closed or something else is said.

export class Notice {
  constructor(box, text, action, close) {
    this.box = box;
    this.text = text;
    this.action = action;
    close.addEventListener("click", () => this.clear());
    action.addEventListener("click", () => this.act?.());
    this.about = "";
  }

  // about: what it is of, so that it can be taken back when that is over. act: {label, run} of a button.
  say(text, { about = "", act = null } = {}) {
    this.about = about;
    this.text.textContent = text;
    this.box.hidden = !text;
    this.act = act?.run;
    this.action.hidden = !act;
    this.action.textContent = act?.label ?? "";
  }

  // Without `about`, whatever is said.
  clear(about = null) {
    if (about === null || about === this.about) this.say("");
  }
}
