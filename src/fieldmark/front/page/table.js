// The cards -> a table as a file, with the columns of `fieldmark predict --csv`.

export function asTable(cards) {
  const reply = cards.find((card) => card.reply)?.reply;
  const classes = reply ? reply.model.classes : [];
  const decision = reply && "decision" in reply ? ["decision"] : [];
  const head = ["image", "prediction", "unknown", ...decision, ...classes.map((name) => `p:${name}`), "error"];
  return [head, ...cards.filter((card) => card.isDone).map((card) => row(card, classes, decision.length))]
    .map((cells) => cells.map(quoted).join(",") + "\n")
    .join("");
}

export function save(cards) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([asTable(cards)], { type: "text/csv" }));
  link.download = "photos.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser reads it after the click
}

function row({ photo, reply, refused }, classes, decisions) {
  if (!reply) return [photo.name, "", "", ...Array(decisions + classes.length).fill(""), refused];
  const chances = new Map(reply.predictions);
  const told = [photo.name, reply.predictions[0][0], Number(reply.unknown), ...Array(decisions).fill(reply.decision)];
  return [...told, ...classes.map((name) => chances.get(name).toFixed(6)), ""];
}

function quoted(cell) {
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
