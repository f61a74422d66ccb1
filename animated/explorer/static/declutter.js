// Chooses which images are shown: as many as fit without covering one another.
//
// Points are ranked once per embedding, in farthest-point order: the room of a point is its distance
// to the nearest point that comes before it, and points with more room come earlier. An image is
// shown when it fits into the room of its point, no matter which part of the embedding is in view,
// so nothing pops up while panning, and images that have appeared stay while zooming in.
// While points move, images are placed in that order, one by one as long as they fit.

const FINEST = 2 ** -18;
const HASH = 0x9e3779b1;

/** Returns the numbers 0 to count - 1, shuffled in the same way every time. */
export function shuffleNumbers(count) {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1, seed = 1; i > 0; i--) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const j = Math.floor((seed / 2 ** 32) * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/**
 * Returns { order, room }: the indices of points in the order in which their images are placed, and
 * for each index the distance, the larger of those in x and y, to the nearest point before it.
 */
export function rankPoints(x, y) {
  const room = new Float32Array(x.length);
  const placed = [];
  let waiting = shuffleNumbers(x.length);
  for (let reach = 1; waiting.length && reach > FINEST; reach *= Math.SQRT1_2) {
    const grid = new PointGrid(x, y, reach, x.length);
    for (const i of placed) grid.add(i);
    waiting = waiting.filter((i) => {
      if (grid.measure(i, 1) < reach) return true;
      // It did not fit at the previous reach, so a point lies within 1.42 cells.
      room[i] = placed.length ? grid.measure(i, 2) : 2;
      grid.add(i);
      placed.push(i);
      return false;
    });
  }
  return { order: Uint32Array.from([...placed, ...waiting]), room };
}

/** Returns the indices, in their order, whose images of `size` fit beside all earlier ones. */
export function fitImages(x, y, indices, size, most) {
  const grid = new PointGrid(x, y, size, Math.min(most, indices.length));
  return indices.filter((i) => {
    const fits = grid.measure(i, 1) >= size;
    if (fits) grid.add(i);
    return fits;
  });
}

// A hash table of grid cells. Points are at least a cell apart, so each cell holds at most one.
class PointGrid {
  constructor(x, y, cell, count) {
    Object.assign(this, { x, y, cell, mask: 2 ** Math.ceil(Math.log2(count + 1) + 1) - 1 });
    this.points = new Int32Array(this.mask + 1).fill(-1);
  }

  add(i) {
    let slot = this.find(Math.floor(this.x[i] / this.cell), Math.floor(this.y[i] / this.cell));
    while (this.points[slot] >= 0) slot = (slot + 1) & this.mask;
    this.points[slot] = i;
  }

  // The distance to the nearest point within `range` cells, or else `range` cells.
  measure(i, range) {
    const { x, y, cell, points, mask } = this;
    const [column, row] = [Math.floor(x[i] / cell), Math.floor(y[i] / cell)];
    let least = range * cell;
    for (let a = column - range; a <= column + range; a++) {
      for (let b = row - range; b <= row + range; b++) {
        let slot = this.find(a, b);
        for (let j = points[slot]; j >= 0; j = points[(slot = (slot + 1) & mask)]) {
          const distance = Math.max(Math.abs(x[j] - x[i]), Math.abs(y[j] - y[i]));
          if (distance < least) least = distance;
        }
      }
    }
    return least;
  }

  find(column, row) {
    const mixed = Math.imul(Math.imul(column, HASH) ^ row, HASH);
    return (mixed ^ (mixed >>> 15)) & this.mask;
  }
}
