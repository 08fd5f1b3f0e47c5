// An answer -> the words a person reads or hears.

// No photo is 100 % anything.
export function percent(share) {
  if (share > 0.9995) return "over 99.9\u00a0%";
  if (share < 0.0005) return "under 0.1\u00a0%";
  return `${(100 * share).toFixed(1)}\u00a0%`;
}

export function clip(text, most = 80) {
  return text.length > most ? text.slice(0, most - 1) + "…" : text;
}

// What stands large beside a photo, above it, and below it. Where another answer costs less than the likeliest, that
// one is large: somebody may be bitten.
export function headline(reply) {
  const [likeliest] = reply.predictions[0];
  if (reply.unknown) return { verdict: "probably none of these", aside: "If it had to be one of them:" };
  if (!reply.advice) return { label: reply.decision ? "Most like, and what costs least" : "Most like", verdict: likeliest };
  const [verdict, reason] = split(reply.advice, treatment(reply.decision));
  return { label: "To be on the safe side", verdict, reason, aside: `Most like ${likeliest}:` };
}

export function spoken(reply) {
  const [likeliest, share] = reply.predictions[0];
  if (reply.unknown) return `Probably none of these. The nearest is ${likeliest}, ${percent(share)}.`;
  return reply.advice ? `${reply.advice} Most like ${likeliest}, ${percent(share)}.` : `${likeliest}, ${percent(share)}.`;
}

// "3 photos: 1 coral, 1 to treat as coral, 1 none of these"
export function tally(cards) {
  const counts = new Map();
  const answered = cards.filter((card) => card.reply);
  for (const { reply } of answered) {
    const name = reply.unknown ? "none of these" : reply.advice ? counted(reply.decision) : reply.predictions[0][0];
    counts.set(name, (counts.get(name) || 0) + 1);
  }
  const refused = cards.filter((card) => card.refused).length;
  const parts = [...counts].sort((one, other) => other[1] - one[1]).map(([name, n]) => `${n} ${name}`);
  if (refused) parts.push(`${refused} without an answer`);
  const photos = `${cards.length} ${cards.length === 1 ? "photo" : "photos"}`;
  return parts.length ? `${photos}: ${parts.join(", ")}` : photos;
}

function counted(decision) {
  return { unknown: "to leave unnamed", expert: "for an expert" }[decision] || `to treat as ${decision}`;
}

function treatment(decision) {
  return { unknown: "leave it unnamed", expert: "ask an expert" }[decision] || `treat it as ${decision}`;
}

// An advice begins with what to do and goes on with the reason: "Ask an expert: a wrong name would cost more."
function split(advice, what) {
  const begins = advice.toLowerCase().startsWith(`${what.toLowerCase()}: `);
  return begins ? [what, advice.slice(what.length + 2)] : [what, advice];
}
