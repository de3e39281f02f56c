// From BlazeFace's raw answer to faces: anchors, boxes, and non-maximum suppression.
//
// Anchors as MediaPipe's SsdAnchorsCalculator makes them for the 128 × 128 model (fixed sizes):
// two per cell of the 16 × 16 map, six per cell of the 8 × 8 map; 896 in all.

const SIDE = 128;
const MAPS = [
  { cells: 16, anchors: 2 },
  { cells: 8, anchors: 6 },
];
const LEAST_SCORE = 0.5;
const MOST_OVERLAP = 0.3;
// What MediaPipe clips raw scores to, so that exp does not overflow.
const MOST_RAW_SCORE = 100;

export const ANCHORS = MAPS.flatMap(({ cells, anchors }) =>
  Array.from({ length: cells * cells * anchors }, (_, index) => {
    const cell = Math.floor(index / anchors);
    return { x: ((cell % cells) + 0.5) / cells, y: (Math.floor(cell / cells) + 0.5) / cells };
  }),
);

function probability(raw) {
  const clipped = Math.min(Math.max(raw, -MOST_RAW_SCORE), MOST_RAW_SCORE);
  return 1 / (1 + Math.exp(-clipped));
}

function overlap(a, b) {
  const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  if (wide <= 0 || high <= 0) return 0;
  const area = ({ left, top, right, bottom }) => (right - left) * (bottom - top);
  return (wide * high) / (area(a) + area(b) - wide * high);
}

// `scores` has a raw value per anchor, `boxes` 16: centre, size, six key points, in pixels of the
// model's input. Returns at most `most` faces, the surest first, in shares of the image.
export function faces(scores, boxes, most) {
  const found = [];
  for (let index = 0; index < ANCHORS.length; index++) {
    const score = probability(scores[index]);
    if (score < LEAST_SCORE) continue;
    const [dx, dy, w, h] = boxes.subarray(16 * index, 16 * index + 4);
    const x = dx / SIDE + ANCHORS[index].x;
    const y = dy / SIDE + ANCHORS[index].y;
    const [wide, high] = [Math.abs(w) / SIDE / 2, Math.abs(h) / SIDE / 2];
    found.push({ score, left: x - wide, top: y - high, right: x + wide, bottom: y + high });
  }
  found.sort((a, b) => b.score - a.score);
  const kept = [];
  for (const face of found) {
    if (kept.length === most) break;
    if (kept.every((other) => overlap(face, other) <= MOST_OVERLAP)) kept.push(face);
  }
  return kept;
}
