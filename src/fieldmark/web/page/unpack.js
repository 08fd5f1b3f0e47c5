// The address of a file stored with gzip -> its bytes, unpacked here unless the host or the browser has done so already.

const MAGIC = [0x1f, 0x8b];

// `told` hears how many bytes came since it last heard.
export async function unpacked(address, told) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${response.status} for ${address.pathname}`);
  const chunks = [];
  for await (const chunk of pieces(response.body)) {
    chunks.push(chunk);
    told(chunk.length);
  }
  const whole = new Blob(chunks);
  const first = new Uint8Array(await whole.slice(0, MAGIC.length).arrayBuffer());
  // Some hosts say of such a file that it is encoded for the journey; then the browser has unpacked it.
  if (!MAGIC.every((byte, i) => first[i] === byte)) return whole.arrayBuffer();
  return new Response(whole.stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

async function* pieces(body) {
  const reader = body.getReader(); // not every browser can walk through a stream by itself
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) yield value;
}
