// For browsers that offer no way to ask for a garbage collection: allocates until one happens,
// and tells whether it did. Weak references show it: first young objects go, by which time the
// others are old; when one of these has gone too, the whole heap was collected. There are several
// of each, since the collector keeps what a stale word on the stack seems to point to.
async () => {
  const OBJECTS = 16;
  const MOST_TURNS = 500;
  const MOST_KEPT = 32;
  // Collecting happens beside the page: without a pause it hardly gets to the old objects.
  const TURN_MS = 10;
  // Never written to, so they count for the collector and hardly take memory.
  const BYTES = 32 << 20;
  // WebKit's allocator gives freed pages back to the system after 0.75 s at the latest.
  const SETTLES_MS = 3000;

  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const objects = () => Array.from({ length: OBJECTS }, (_, number) => ({ number }));
  const weakly = (kept) => kept.map((object) => new WeakRef(object));

  async function oneIsGone(refs) {
    // Kept for a while: a heap that grows is collected whole, one that does not may never be.
    let kept = [];
    for (let turn = 0; turn < MOST_TURNS; turn++) {
      if (turn % MOST_KEPT === 0) kept = [];
      kept.push(new ArrayBuffer(BYTES));
      // What a weak reference gave is held until the end of the task that asked for it.
      await pause(TURN_MS);
      if (refs.some((ref) => ref.deref() === undefined)) return true;
    }
    return false;
  }

  const holder = { old: objects() };
  const old = weakly(holder.old);
  if (!(await oneIsGone(weakly(objects())))) return false;
  holder.old = null;
  if (!(await oneIsGone(old))) return false;
  await pause(SETTLES_MS);
  return true;
}
