// A file -> the pixels a person would see: upright, sRGB, on white. What `fieldmark.imaging.decode` does in Python.
//
// The browser decodes, turns and converts colours; a canvas with a white ground lies under what is transparent. It is
// read in tiles, since phones bound the size of a canvas well below that of their photos.
import { orientationOf } from "./webp.js";

const TILE = { width: 4096, height: 1024 };

// Photos of more pixels than this are brought below it by averaging whole squares of pixels: the model's own resize would
// take some 19 bytes of memory a pixel, and a phone may end the page. See docs/deploy.md for what that changes.
export const FULL_SIZE = 16_000_000;

// A file that is no picture this browser reads, or too large a one; the message is the sentence to show.
export class NotAPhoto extends Error {}

// Returns { data, height, width }: a Uint8Array of [height, width, 3] levels.
export async function readPixels(file, mostPixels) {
  const picture = await decoded(file);
  const { width, height } = picture;
  try {
    if (width * height > mostPixels) {
      throw new NotAPhoto(`The picture is too large: ${width} x ${height} pixels are more than the ${mostPixels / 1e6} million we decode. Give a smaller one.`);
    }
    return shrunk(picture, squareFor(width, height));
  } finally {
    picture.bitmap.close();
  }
}

// Returns { bitmap, turn, width, height }: what to draw through which turn, and the size of the result.
async function decoded(file) {
  const orientation = await orientationOf(file);
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: orientation ? "none" : "from-image" });
  } catch {
    throw new NotAPhoto(`That cannot be read as a picture: ${await guess(file)}.`);
  }
  const [w, h] = [bitmap.width, bitmap.height];
  const [width, height] = orientation >= 5 ? [h, w] : [w, h];
  return { bitmap, turn: turnFor(orientation || 1, w, h), width, height };
}

// What brings a picture of `w` by `h` pixels upright, as a canvas has it: from (x, y) to (ax + cy + e, bx + dy + f).
function turnFor(orientation, w, h) {
  return {
    1: [1, 0, 0, 1, 0, 0],
    2: [-1, 0, 0, 1, w, 0],
    3: [-1, 0, 0, -1, w, h],
    4: [1, 0, 0, -1, 0, h],
    5: [0, 1, 1, 0, 0, 0],
    6: [0, 1, -1, 0, h, 0],
    7: [0, -1, -1, 0, h, w],
    8: [0, -1, 1, 0, 0, w],
  }[orientation];
}

// The side of the squares that bring a photo below FULL_SIZE; 1 leaves it as it is.
function squareFor(width, height) {
  let side = 1;
  while (Math.ceil(width / side) * Math.ceil(height / side) > FULL_SIZE) side += 1;
  return side;
}

// Average each square of `side` pixels; those at the right and lower edge may be incomplete.
function shrunk(picture, side) {
  const width = Math.ceil(picture.width / side);
  const height = Math.ceil(picture.height / side);
  const data = new Uint8Array(width * height * 3);
  const step = { width: side * Math.floor(TILE.width / side), height: side * Math.floor(TILE.height / side) };
  for (let top = 0; top < picture.height; top += step.height) {
    for (let left = 0; left < picture.width; left += step.width) {
      const tile = readTile(picture, left, top, step);
      if (side === 1) copy(tile, data, width, left, top);
      else average(tile, side, data, width, left / side, top / side);
    }
  }
  return { data, height, width };
}

function readTile({ bitmap, turn, ...whole }, left, top, most) {
  const width = Math.min(most.width, whole.width - left);
  const height = Math.min(most.height, whole.height - top);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  const [a, b, c, d, e, f] = turn;
  context.setTransform(a, b, c, d, e - left, f - top);
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, width, height);
}

function copy(tile, data, width, left, top) {
  for (let y = 0; y < tile.height; y += 1) {
    let from = y * tile.width * 4;
    let to = ((top + y) * width + left) * 3;
    for (let x = 0; x < tile.width; x += 1, from += 4, to += 3) {
      data[to] = tile.data[from];
      data[to + 1] = tile.data[from + 1];
      data[to + 2] = tile.data[from + 2];
    }
  }
}

function average(tile, side, data, width, left, top) {
  for (let y = 0; y < tile.height; y += side) {
    for (let x = 0; x < tile.width; x += side) {
      const to = ((top + y / side) * width + left + x / side) * 3;
      averageSquare(tile, x, y, side, data, to);
    }
  }
}

function averageSquare(tile, x, y, side, data, to) {
  const [right, lower] = [Math.min(x + side, tile.width), Math.min(y + side, tile.height)];
  let [red, green, blue] = [0, 0, 0];
  for (let row = y; row < lower; row += 1) {
    for (let from = (row * tile.width + x) * 4; from < (row * tile.width + right) * 4; from += 4) {
      red += tile.data[from];
      green += tile.data[from + 1];
      blue += tile.data[from + 2];
    }
  }
  const n = (right - x) * (lower - y);
  data[to] = Math.round(red / n);
  data[to + 1] = Math.round(green / n);
  data[to + 2] = Math.round(blue / n);
}

// Why a file could not be read, by its first bytes.
async function guess(file) {
  if (file.size === 0) return "an empty file";
  const head = String.fromCharCode(...new Uint8Array(await file.slice(0, 12).arrayBuffer()));
  if (/^.{4}ftyp(hei|hev|mif1|msf1)/s.test(head)) return "a HEIC picture, as iPhones take them, which this browser does not know. Save it as JPEG first";
  if (/^(II\*\0|MM\0\*)/.test(head)) return "a TIFF picture, which this browser does not know. Save it as JPEG or PNG first";
  if (/^(\xff\xd8\xff|\x89PNG|GIF8|BM|RIFF.{4}WEBP|.{4}ftypavi[fs])/s.test(head)) return "a picture that is cut short, damaged or too large for this browser";
  return "not a picture in a format this browser knows";
}
