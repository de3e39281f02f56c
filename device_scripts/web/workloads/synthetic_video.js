// A video that needs no camera and no file: a face that moves before moving shapes, drawn from a
// seed and encoded frame by frame as JPEG, the way most webcams send what they see (Motion JPEG).
//
// WebCodecs is left aside: not every browser has it, and a frame of such a video that is dropped
// must be decoded all the same, since the next one builds on it; a camera's picture is just gone.
// These frames are the same in every run of one browser.

// xorshift32 (Marsaglia 2003): the same numbers in every engine.
function numbers(seed) {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function ellipse(context, x, y, wide, high, colour) {
  context.fillStyle = colour;
  context.beginPath();
  context.ellipse(x, y, wide, high, 0, 0, 2 * Math.PI);
  context.fill();
}

function drawFace(context, x, y, size) {
  ellipse(context, x, y - 0.25 * size, 0.82 * size, 0.95 * size, "#3b2a20");
  ellipse(context, x, y, 0.72 * size, 0.95 * size, "#e0ac8a");
  for (const side of [-1, 1]) {
    ellipse(context, x + side * 0.28 * size, y - 0.36 * size, 0.18 * size, 0.04 * size, "#3b2a20");
    ellipse(context, x + side * 0.28 * size, y - 0.2 * size, 0.13 * size, 0.08 * size, "#fff");
    ellipse(context, x + side * 0.28 * size, y - 0.2 * size, 0.06 * size, 0.07 * size, "#222");
  }
  ellipse(context, x, y + 0.1 * size, 0.08 * size, 0.2 * size, "#c98f6d");
  ellipse(context, x, y + 0.48 * size, 0.28 * size, 0.09 * size, "#a5483f");
}

function drawFrame(context, { width, height, shapes, turn }) {
  const sky = context.createLinearGradient(0, 0, width, height);
  sky.addColorStop(0, "#7d93a8");
  sky.addColorStop(1, "#c8c0a8");
  context.fillStyle = sky;
  context.fillRect(0, 0, width, height);
  for (const { x, y, size, hue, phase } of shapes) {
    const angle = turn * 2 * Math.PI + phase;
    context.fillStyle = `hsl(${hue} 45% 50%)`;
    context.fillRect(
      x * width + 0.1 * width * Math.cos(angle),
      y * height + 0.1 * height * Math.sin(angle),
      size * width,
      size * height,
    );
  }
  const across = 0.5 + 0.2 * Math.sin(turn * 2 * Math.PI);
  const along = 0.52 + 0.08 * Math.cos(turn * 4 * Math.PI);
  drawFace(context, across * width, along * height, 0.25 * height);
}

// Resolves to `count` JPEG images as blobs.
export async function jpegFrames({ width, height, count, seed, quality }) {
  const next = numbers(seed);
  const shapes = Array.from({ length: 12 }, () => ({
    x: next(),
    y: next(),
    size: 0.05 + 0.15 * next(),
    hue: Math.floor(360 * next()),
    phase: 2 * Math.PI * next(),
  }));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const frames = [];
  for (let index = 0; index < count; index++) {
    drawFrame(context, { width, height, shapes, turn: index / count });
    frames.push(await canvas.convertToBlob({ type: "image/jpeg", quality }));
  }
  return frames;
}
