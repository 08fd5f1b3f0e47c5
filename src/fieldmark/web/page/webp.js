// A WebP picture -> how its EXIF data say that it is to be turned, 1 to 8. Browsers look there in JPEG and PNG only.

const ORIENTATION = 0x0112;
const SHORT = 3; // the type of its value: two bytes

// Returns null for a file that is no WebP picture.
export async function orientationOf(file) {
  const head = text(new DataView(await file.slice(0, 12).arrayBuffer()), 0, 12);
  if (!/^RIFF.{4}WEBP$/s.test(head)) return null;
  const view = new DataView(await file.arrayBuffer());
  try {
    for (let at = 12; at + 8 <= view.byteLength; ) {
      const size = view.getUint32(at + 4, true);
      if (text(view, at, 4) === "EXIF") return read(view, at + 8);
      at += 8 + size + (size % 2);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // damaged EXIF data turn nothing: the pixels are still whole
  }
  return 1;
}

// EXIF data are a TIFF file without its picture: a byte order, where the first list of entries is, and that.
function read(view, begin) {
  const start = text(view, begin, 4) === "Exif" ? begin + 6 : begin;
  const little = text(view, start, 2) === "II";
  const list = start + view.getUint32(start + 4, little);
  const entries = view.getUint16(list, little);
  for (let at = list + 2; at < list + 2 + 12 * entries; at += 12) {
    if (view.getUint16(at, little) !== ORIENTATION || view.getUint16(at + 2, little) !== SHORT) continue;
    const value = view.getUint16(at + 8, little);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

function text(view, at, length) {
  return String.fromCharCode(...new Uint8Array(view.buffer, at, Math.min(length, view.byteLength - at)));
}
