// A face detector on a video, as a page with a webcam runs one: decode a frame, resize it, infer,
// and turn the answer into faces. The model is BlazeFace, `front` or `short range` (128 × 128).
//
// Options: width, height, frames, seed and quality of the synthetic video.
import { ANCHORS, faces } from "./blazeface_boxes.js";
import { jpegFrames } from "./synthetic_video.js";

const SIDE = 128;
const MOST_FACES = 4;

export async function setup({ tf, options, stage, loadModel }) {
  const { width = 640, height = 480, frames: count = 30, seed = 1, quality = 0.8 } = options;
  const frames = await jpegFrames({ width, height, count, seed, quality });
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  return { tf, stage, frames, context, model: await loadModel() };
}

// A square of the model's size, the picture in its middle; colours as -1 to 1.
function resized(context, image) {
  const scale = SIDE / Math.max(image.width, image.height);
  const [wide, high] = [image.width * scale, image.height * scale];
  context.fillRect(0, 0, SIDE, SIDE);
  context.drawImage(image, (SIDE - wide) / 2, (SIDE - high) / 2, wide, high);
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  const pixels = new Float32Array(3 * SIDE * SIDE);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    pixels[to++] = data[from] / 127.5 - 1;
    pixels[to++] = data[from + 1] / 127.5 - 1;
    pixels[to++] = data[from + 2] / 127.5 - 1;
  }
  return pixels;
}

// Boxes and scores stand in two outputs, or in one of 17 columns with the scores first.
async function inferred({ tf, model }, pixels) {
  const input = tf.tensor(pixels, [1, SIDE, SIDE, 3]);
  const answer = model.predict(input);
  const outputs = answer instanceof tf.Tensor ? [answer] : Object.values(answer).flat();
  const columns = new Map();
  for (const output of outputs) columns.set(output.shape.at(-1), await output.data());
  tf.dispose([input, ...outputs]);
  if (columns.has(17)) return split(columns.get(17));
  return { scores: columns.get(1), boxes: columns.get(16) };
}

function split(both) {
  const scores = new Float32Array(ANCHORS.length);
  const boxes = new Float32Array(16 * ANCHORS.length);
  for (let index = 0; index < ANCHORS.length; index++) {
    scores[index] = both[17 * index];
    boxes.set(both.subarray(17 * index + 1, 17 * index + 17), 16 * index);
  }
  return { scores, boxes };
}

// The same number of values whatever is found, since outputs are compared shape by shape.
function listed(found) {
  const values = new Float32Array(5 * MOST_FACES);
  found.forEach(({ score, left, top, right, bottom }, index) =>
    values.set([score, left, top, right, bottom], 5 * index),
  );
  return values;
}

export async function run(state, { iteration }) {
  const { stage, frames, context } = state;
  const frame = frames[iteration % frames.length];
  const image = await stage("decode", () => createImageBitmap(frame));
  const pixels = await stage("resize", () => resized(context, image));
  image.close();
  const { scores, boxes } = await stage("infer", () => inferred(state, pixels));
  const found = await stage("post-process", () => faces(scores, boxes, MOST_FACES));
  return { scores, boxes, faces: listed(found) };
}

export function teardown({ model }) {
  model.dispose();
}
