// Probabilities and what mistakes cost -> what to decide. The arithmetic and the words of `fieldmark.costs`, for one photo.

const ALMOST = 1e-12; // sums of the same numbers in another order differ by this part of themselves
const UNPRICED = 1;
const DO = { unknown: "Leave it unnamed", expert: "Ask an expert" };

// `costs` is { classes, answers, matrix } as in a model's metadata, `probabilities` a list in the order of the classes.
// Returns { decision, expected_cost, advice }.
export function decide({ classes, answers, matrix }, probabilities, isUnknown) {
  const expected = answers.map((_, j) => sum(probabilities, (p, i) => p * matrix[i][j]));
  if (isUnknown) {
    const priced = answers.indexOf("unknown");
    return { decision: "unknown", expected_cost: priced < 0 ? UNPRICED : expected[priced], advice: null };
  }
  const chosen = cheapest(expected, matrix, probabilities);
  const top = indexOfGreatest(probabilities);
  const advice = chosen === top ? null : whyNot(top, chosen, { classes, answers, matrix }, probabilities);
  return { decision: answers[chosen], expected_cost: expected[chosen], advice };
}

// Of answers that cost the same the more probable class, and a class before "unknown" before "expert".
function cheapest(expected, matrix, probabilities) {
  const rounding = ALMOST * sum(probabilities, (p, i) => p * Math.max(...matrix[i]));
  const most = Math.min(...expected) + rounding;
  const rank = (j) => (j < probabilities.length ? probabilities[j] : probabilities.length - 1 - j);
  return indexOfGreatest(expected.map((cost, j) => (cost <= most ? rank(j) : -Infinity)));
}

function whyNot(top, chosen, { classes, answers, matrix }, probabilities) {
  if (chosen >= classes.length) return `${DO[answers[chosen]]}: a wrong name would cost more.`;
  const feared = indexOfGreatest(probabilities.map((p, i) => p * matrix[i][top]));
  return `Treat it as ${answers[chosen]}: taking ${classes[feared]} for ${classes[top]} is costly.`;
}

function sum(values, term) {
  return values.reduce((total, value, i) => total + term(value, i), 0);
}

function indexOfGreatest(values) {
  return values.reduce((best, value, i) => (value > values[best] ? i : best), 0);
}
