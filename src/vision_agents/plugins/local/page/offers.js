// Offers to the agent, by the page's own connection: whatever answers it has the call.

import { SILENT } from "./request.js";

// Where an agent has to be made first, the answer comes with it.
const ANSWER_MS = 40000;

export class Offers {
  // send(message): to the server.
  constructor(send) {
    this.send = send;
    this.made = 0;
    this.waiting = new Map(); // attempt -> takes its answer
  }

  // fresh: a new conversation is to begin. patient: nobody has pressed anything, and a place may take a while. Returns
  // the answer. Throws with a sentence for people.
  async make(sdp, fresh, patient) {
    const attempt = ++this.made;
    const answering = new Promise((resolve) => this.waiting.set(attempt, resolve));
    const late = setTimeout(() => this.take({ attempt, error: SILENT }), ANSWER_MS);
    this.send({ do: "connect", attempt, sdp, new: fresh, patient });
    const answer = await answering;
    clearTimeout(late);
    if (answer.error) throw new Error(answer.error);
    return answer;
  }

  // A record with an answer, or with why there is none.
  take(answer) {
    this.waiting.get(answer.attempt)?.(answer);
    this.waiting.delete(answer.attempt);
  }
}
