// What the page asks of its server.

export const SILENT = "The agent does not answer. Look whether it is still running.";

// The response. Throws with a sentence for people if there is none.
export async function request(address, options = {}) {
  try {
    return await fetch(address, options);
  } catch (error) {
    console.info("there is no answer", error);
    throw new Error(SILENT);
  }
}
