// The line in which people type to the agent. What they send interrupts it, as their voice would.

export class Typing {
  // send(text): have it answered.
  constructor(form, field, button, send) {
    this.field = field;
    this.button = button;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = field.value.trim();
      if (!text) return;
      field.value = "";
      send(text);
    });
  }

  enable(inCall) {
    this.field.disabled = this.button.disabled = !inCall;
  }
}
