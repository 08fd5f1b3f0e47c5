// What the graph says of a photo -> a reply as the server's API has it.
import { decide } from "./costs.js";

// `about` is the page's model.json; `probabilities` a Float32Array in the order of its classes.
export function asReply(about, probabilities, unknownScore) {
  const { classes, threshold, costs } = about;
  const chances = [...probabilities];
  const order = chances.map((_, i) => i).sort((one, other) => chances[other] - chances[one]);
  const unknown = threshold !== null && unknownScore > threshold;
  const reply = {
    predictions: order.map((i) => [classes[i], rounded(chances[i])]),
    unknown,
    unknown_score: rounded(unknownScore),
    threshold,
    model: about.model,
  };
  if (!costs) return reply;
  const { expected_cost: cost, ...decided } = decide(costs, chances, unknown);
  return { ...reply, ...decided, expected_cost: rounded(cost) };
}

function rounded(number) {
  return Math.round(number * 1e6) / 1e6;
}
