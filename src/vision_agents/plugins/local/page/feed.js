// The records of the agent, over a WebSocket that is opened again whenever it closes.

const RETRY_MS = 2000;

export class Feed {
  // keys(): who we are, for the address. take(record) for each record, link(open) when the connection comes and goes.
  constructor(keys, take, link) {
    this.keys = keys;
    this.take = take;
    this.link = link;
    this.open();
  }

  open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.socket = new WebSocket(`${scheme}://${location.host}/records?${this.keys()}`);
    this.socket.onmessage = (message) => this.read(message.data);
    this.socket.onclose = () => {
      this.link(false);
      setTimeout(() => this.open(), RETRY_MS);
    };
    this.socket.onopen = () => this.link(true);
  }

  read(text) {
    let records = [];
    try {
      records = JSON.parse(text);
    } catch (error) {
      console.error("records that are no JSON", error);
    }
    for (const record of records) {
      this.take(record);
    }
  }

  hangUp() {
    if (this.socket.readyState === WebSocket.OPEN) {
      this.socket.send("hang up");
    }
  }
}
