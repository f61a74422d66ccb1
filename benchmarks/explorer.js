// Measures the open page; evaluates to a promise of the figures, in ms and in frames per second.
(async () => {
  const { explorer } = window;
  const last = explorer.embedding.end;
  const frame = () => new Promise(requestAnimationFrame);
  const rest = () => new Promise((resolve) => setTimeout(resolve, 400));
  const mark = (name) => performance.getEntriesByName(name)[0]?.startTime;
  const rank = (times) => {
    times.sort((a, b) => a - b);
    return { median: times[times.length >> 1], p95: times[Math.floor(0.95 * times.length)] };
  };

  let durations = [];
  const run = explorer.run.bind(explorer);
  explorer.run = (now) => {
    const start = performance.now();
    run(now);
    durations.push(performance.now() - start);
  };

  // How long the work of a frame takes after each of `count` changes.
  async function measureFrames(count, change) {
    await rest();
    durations = [];
    for (let k = 0; k < count; k++) {
      change(k);
      await frame();
    }
    await frame();
    return rank(durations);
  }

  // Frames per second while something moves by itself.
  async function measureRate(start, seconds, isGoing) {
    await rest();
    start();
    await frame();
    const [first, since] = [durations.length, performance.now()];
    while (isGoing() && performance.now() - since < 1000 * seconds) await frame();
    return (1000 * (durations.length - first)) / (performance.now() - since);
  }

  function measure(count, act) {
    const times = Array.from({ length: count }, (_, k) => {
      const start = performance.now();
      act(k);
      return performance.now() - start;
    });
    return rank(times);
  }

  const figures = { dots: mark("dots"), images: mark("images") };
  figures.pan = await measureFrames(120, (k) => explorer.panBy(k % 60 < 30 ? 6 : -6, k % 40 < 20 ? 3 : -3));
  figures.zoom = await measureFrames(120, (k) => explorer.zoomBy(k < 60 ? 1.06 : 1 / 1.06, 700, 420));
  explorer.fit();
  await rest();
  if (last > 0) {
    figures.seek = await measureFrames(60, (k) => explorer.seek((k * 73) % last));
    const play = () => explorer.set({ speed: 60, time: 0, isPlaying: true });
    figures.play = await measureRate(play, 4, () => explorer.state.isPlaying);
  }
  explorer.seek(last);
  await rest();
  figures.pick = measure(200, (k) => explorer.map.pick((k * 97) % 1280, (k * 61) % 800));
  figures.own = measure(30, () => drawOwn()).median;
  figures.plain = measure(30, () => drawPlainly()).median;
  figures.travel = await measureRate(() => explorer.set({ embedding: 1 }), 2, () => explorer.state.isMoving);
  explorer.set({ embedding: 2 });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  figures.turn = await measureRate(() => explorer.set({ isTurning: true }), 3, () => true);
  return figures;

  // Reading a pixel makes the browser draw at once.
  function drawOwn() {
    explorer.map.draw(explorer.state, performance.now(), 1);
    explorer.map.canvases[0].getContext("2d").getImageData(0, 0, 1, 1);
  }

  function drawPlainly() {
    const { data, state } = explorer;
    const { points, imageLength: length } = explorer.map;
    drawPlainly.canvas ??= Object.assign(document.createElement("canvas"), { width: 1280, height: 800 });
    drawPlainly.pictures ??= data.images.shown.map((i) => {
      const picture = Object.assign(document.createElement("canvas"), { width: 28, height: 28 });
      explorer.map.paint(picture, i);
      return picture;
    });
    const context = drawPlainly.canvas.getContext("2d");
    context.fillStyle = "#000";
    context.fillRect(0, 0, 1280, 800);
    data.label.categories.forEach((_, code) => {
      context.fillStyle = data.label.colors[state.theme][code];
      for (let i = 0; i < data.size; i++) {
        if (data.codes[i] === code) context.fillRect(points.sx[i] - 1, points.sy[i] - 1, 2, 2);
      }
    });
    data.images.shown.forEach((i, k) =>
      context.drawImage(drawPlainly.pictures[k], points.sx[i] - length / 2, points.sy[i] - length / 2, length, length),
    );
    context.getImageData(0, 0, 1, 1);
  }
})()
