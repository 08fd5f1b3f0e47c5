// Photos -> replies, away from the page's own thread so that it stays responsive. Fetches the model and its runtime.
import * as ort from "./ort.wasm.min.js";
import { NotAPhoto, readPixels } from "./pixels.js";
import { asReply } from "./reply.js";
import { unpacked } from "./unpack.js";

const here = (name) => new URL(name, import.meta.url);
const opened = open();
opened.then(
  () => postMessage({ ready: true }),
  (error) => postMessage({ broken: `The model cannot be fetched or opened (${error.message}). Check the connection, then reload the page.` }),
);

let last = Promise.resolve(); // one photo at a time, for the sake of memory
self.onmessage = ({ data }) => {
  last = last.then(() => answer(data)).then(postMessage);
};

async function open() {
  const about = await (await fetch(here("model.json"))).json();
  const files = Object.entries(about.packed).map(async ([name, size]) => {
    const bytes = await unpacked(here(name), progress(size));
    return [name, bytes];
  });
  const bytes = Object.fromEntries(await Promise.all(files));
  ort.env.wasm.numThreads = 1; // more need headers that a plain file host does not send
  ort.env.wasm.wasmBinary = bytes[about.runtime];
  ort.env.wasm.wasmPaths = { mjs: here("ort-wasm-simd-threaded.js").href };
  const session = await ort.InferenceSession.create(new Uint8Array(bytes[about.graph]), { executionProviders: ["wasm"] });
  return { about, session };
}

const came = { loaded: 0, total: 0 };
function progress(size) {
  came.total += size;
  let left = size; // a host that unpacks sends more than was stored
  return (n) => {
    const counted = Math.min(n, left);
    left -= counted;
    came.loaded += counted;
    postMessage(came);
  };
}

async function answer({ question, file }) {
  try {
    const { about, session } = await opened;
    const { data, height, width } = await readPixels(file, about.max_pixels);
    const image = new ort.Tensor("uint8", data, [height, width, 3]);
    const found = await session.run({ image }, ["probabilities", "unknown_score"]);
    return { question, reply: asReply(about, found.probabilities.data, found.unknown_score.data[0]) };
  } catch (error) {
    if (error instanceof NotAPhoto) return { question, refusal: error.message };
    return { question, refusal: `This device could not look at the photo (${error.message}). A smaller one may do.`, lost: true };
  }
}
