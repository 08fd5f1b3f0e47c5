// A rectangle over a picture, drawn with a mouse, a finger or keys -> four parts of its sides, from 0 to 1.

const LEAST = 0.05; // part of a side that a crop has at least; the server takes less, no finger does
const STEP = 0.01;

export class Cropper {
  /** `changed(words)` is told what the rectangle is now, in words. */
  constructor(frame, element, changed) {
    Object.assign(this, { frame, element, changed });
    this.box = null;
    frame.addEventListener("pointerdown", (event) => this.begin(event));
  }

  get active() {
    return this.box !== null;
  }

  start(text) {
    const [left, top, right, bottom] = text ? text.split(",").map(Number) : [0.1, 0.1, 0.9, 0.9];
    this.box = { left, top, right, bottom };
    this.element.hidden = false;
    this.frame.classList.add("cropping");
    this.draw();
    this.element.focus({ preventScroll: true });
  }

  stop() {
    this.box = null;
    this.element.hidden = true;
    this.frame.classList.remove("cropping");
  }

  /** The crop as it is stored; "" for the whole picture. */
  get text() {
    const { left, top, right, bottom } = this.box;
    const whole = left < 0.005 && top < 0.005 && right > 0.995 && bottom > 0.995;
    return whole ? "" : [left, top, right, bottom].map((part) => Number(part.toFixed(4))).join(",");
  }

  /** Move or, with Shift, change the rectangle; return false for a key that does neither. */
  key(name, shift) {
    const [x, y] = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[name] ?? [];
    if (x === undefined) return false;
    if (shift) this.set({ ...this.box, right: this.box.right + x, bottom: this.box.bottom + y });
    else this.shift(this.box, x, y);
    return true;
  }

  begin(event) {
    if (!this.active || event.button > 0) return;
    event.preventDefault();
    const before = { ...this.box };
    const from = this.at(event);
    const corner = event.target.dataset?.corner;
    const inside = event.target === this.element;
    const move = (next) => {
      const to = this.at(next);
      if (corner) this.pull(before, corner, to);
      else if (inside) this.shift(before, to.x - from.x, to.y - from.y);
      else this.span(from, to);
    };
    const end = () => {
      this.frame.removeEventListener("pointermove", move);
      this.frame.removeEventListener("pointerup", end);
      this.frame.removeEventListener("pointercancel", end);
      this.element.focus({ preventScroll: true });
    };
    this.frame.setPointerCapture(event.pointerId);
    this.frame.addEventListener("pointermove", move);
    this.frame.addEventListener("pointerup", end);
    this.frame.addEventListener("pointercancel", end);
  }

  at(event) {
    const { left, top, width, height } = this.frame.getBoundingClientRect();
    return { x: within((event.clientX - left) / width), y: within((event.clientY - top) / height) };
  }

  span(a, b) {
    if (Math.abs(a.x - b.x) < LEAST || Math.abs(a.y - b.y) < LEAST) return; // a click, not a rectangle
    this.set({ left: Math.min(a.x, b.x), right: Math.max(a.x, b.x), top: Math.min(a.y, b.y), bottom: Math.max(a.y, b.y) });
  }

  pull(before, corner, to) {
    const box = { ...before };
    box[corner.includes("n") ? "top" : "bottom"] = to.y;
    box[corner.includes("w") ? "left" : "right"] = to.x;
    this.set(box);
  }

  shift(before, x, y) {
    const dx = Math.min(Math.max(x, -before.left), 1 - before.right);
    const dy = Math.min(Math.max(y, -before.top), 1 - before.bottom);
    this.set({ left: before.left + dx, right: before.right + dx, top: before.top + dy, bottom: before.bottom + dy });
  }

  set(box) {
    const next = { left: within(box.left), top: within(box.top), right: within(box.right), bottom: within(box.bottom) };
    if (next.right - next.left < LEAST || next.bottom - next.top < LEAST) return;
    this.box = next;
    this.draw();
  }

  draw() {
    place(this.element, this.box);
    const { left, top, right, bottom } = this.box;
    const words = `${percent(right - left)} wide and ${percent(bottom - top)} high, from ${percent(left)} on the left and ${percent(top)} at the top`;
    this.element.setAttribute("aria-label", `Crop: ${words}`);
    this.changed(words);
  }
}

/** Lay an element over its parent as a crop says. */
export function place(element, { left, top, right, bottom }) {
  element.style.left = `${100 * left}%`;
  element.style.top = `${100 * top}%`;
  element.style.width = `${100 * (right - left)}%`;
  element.style.height = `${100 * (bottom - top)}%`;
}

/** Read a crop as it is stored. */
export function parse(text) {
  const [left, top, right, bottom] = text.split(",").map(Number);
  return { left, top, right, bottom };
}

const within = (part) => Math.min(1, Math.max(0, part));
const percent = (part) => `${Math.round(100 * part)} %`;
