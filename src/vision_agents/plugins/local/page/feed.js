// The records of the agent, over a WebSocket that is opened again whenever it closes.

export const GONE = "The agent's server does not answer any more. Start it again where it ran: the captions stay here.";

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
    clearTimeout(this.retry);
    const address = new URL(`records?${this.keys()}`, document.baseURI);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = (this.socket = new WebSocket(address));
    socket.onmessage = (message) => this.read(message.data);
    socket.onclose = () => {
      if (socket !== this.socket) return;
      this.link(false);
      this.retry = setTimeout(() => this.open(), RETRY_MS);
    };
    socket.onopen = () => this.link(true);
  }

  // Without waiting for the next try.
  again() {
    if (this.socket.readyState === WebSocket.CLOSED) this.open();
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

  send(message) {
    if (this.socket.readyState === WebSocket.OPEN) {
      this.socket.send(JSON.stringify(message));
    }
  }
}
