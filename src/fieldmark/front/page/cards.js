// One photo -> its card: waiting, being looked at, answered, or the sentence why not. Text goes in as text, never as markup.
import { clip, headline, percent } from "./words.js";

const FIRST_BARS = { large: 5, small: 3 };

export class Card {
  // `photo` is { name, file } or { name, url }.
  constructor(photo) {
    this.photo = photo;
    this.reply = null; // once answered
    this.refused = null; // the sentence, where there is no answer
    this.element = document.getElementById("card").content.firstElementChild.cloneNode(true);
    this.#part("figcaption").textContent = clip(photo.name);
  }

  get isDone() {
    return Boolean(this.reply || this.refused);
  }

  set large(is) {
    this.element.classList.toggle("large", is);
    if (this.reply) this.#drawBars();
  }

  // Show the file itself. Returns whether this browser can.
  async preview() {
    this.shown = URL.createObjectURL(this.photo.file);
    return this.#show(this.shown);
  }

  look(doing) {
    this.element.dataset.state = "asking";
    this.#part(".doing").textContent = doing;
  }

  refuse(sentence) {
    this.refused = sentence;
    this.element.dataset.state = "refused";
    this.#part(".busy").hidden = true;
    this.#part(".refusal").hidden = false;
    this.#part(".refusal").textContent = sentence;
    this.#part(".no-preview").textContent = "No picture to show"; // it may be none at all
  }

  async tell(reply) {
    if (typeof reply.thumbnail === "string" && reply.thumbnail.startsWith("data:image/jpeg;base64,")) {
      await this.#show(reply.thumbnail);
    }
    this.reply = reply;
    const { label, verdict, reason, aside } = headline(reply);
    this.#write(".label", label);
    this.#write(".verdict", verdict);
    this.#write(".advice", reason);
    this.#write(".aside", aside);
    this.#drawBars();
    this.#part(".busy").hidden = true;
    this.#part(".answer").hidden = false;
    this.element.dataset.state = reply.unknown ? "unknown" : reply.advice ? "careful" : "answered";
  }

  forget() {
    if (this.shown) URL.revokeObjectURL(this.shown);
    this.element.remove();
  }

  async #show(source) {
    const image = this.#part("img");
    image.src = source;
    const visible = await new Promise((resolve) => {
      image.onload = () => resolve(true);
      image.onerror = () => resolve(false);
    });
    image.alt = visible ? `The photo: ${clip(this.photo.name)}` : "";
    image.hidden = !visible;
    this.#part(".no-preview").hidden = visible;
    this.#part(".mount").classList.toggle("filled", visible);
    return visible;
  }

  #drawBars() {
    const { predictions } = this.reply;
    const first = this.element.classList.contains("large") ? FIRST_BARS.large : FIRST_BARS.small;
    const [list, more] = [this.#part(".bars"), this.#part(".more")];
    const draw = (open) => {
      list.replaceChildren(...predictions.slice(0, open ? undefined : first).map(bar));
      more.textContent = open ? `Show the first ${first}` : `Show all ${predictions.length}`;
      more.setAttribute("aria-expanded", String(open));
    };
    more.hidden = predictions.length <= first;
    more.onclick = () => draw(more.getAttribute("aria-expanded") !== "true");
    draw(false);
  }

  #write(selector, text) {
    this.#part(selector).textContent = text || "";
    this.#part(selector).hidden = !text;
  }

  #part(selector) {
    return this.element.querySelector(selector);
  }
}

function bar([name, share]) {
  const row = document.createElement("li");
  const track = span("track", "");
  const fill = span("fill", "");
  fill.style.setProperty("--share", String(share));
  track.setAttribute("aria-hidden", "true");
  track.append(fill);
  row.append(span("name", name), span("share", percent(share)), track);
  return row;
}

function span(kind, text) {
  const element = document.createElement("span");
  element.className = kind;
  element.textContent = text;
  return element;
}
