// Frames and masks, loaded once.

const MOST = 400;

export class Pictures {
  // ``loaded`` is called when one has come.
  constructor(loaded) {
    this.loaded = loaded;
    this.known = new Map();
    this.last = { key: "", image: null };
  }

  clear() {
    this.known.clear();
  }

  // Null while it is loaded.
  get(path) {
    if (!this.known.has(path)) {
      const image = new Image();
      image.onload = () => { image.isReady = true; this.loaded(); };
      image.src = path;
      this.known.set(path, image);
      if (this.known.size > MOST) this.known.delete(this.known.keys().next().value);
    }
    const found = this.known.get(path);
    return found.isReady ? found : null;
  }

  // The last one of the same key while a newer one is loaded, so that nothing flickers.
  latest(path, key) {
    const image = this.get(path);
    if (image) this.last = { key, image };
    return image ?? (this.last.key === key ? this.last.image : null);
  }
}
