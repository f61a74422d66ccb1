// Colours as numbers of the framebuffer: for both themes, dimmed, and shaded by depth.

export const THEMES = {
  dark: { background: "#000000", ink: "#ffffff", faint: "#2c2c30" },
  light: { background: "#ffffff", ink: "#111111", faint: "#e4e4e8" },
};
export const SHADES = 16;
const DARKEST = 0.4; // brightness of the farthest points
const FAINTNESS = 0.3; // brightness of points that are not selected

/** Returns [red, green, blue], 0 to 255, of "#rrggbb". */
export function parseColor(text) {
  return [1, 3, 5].map((k) => parseInt(text.slice(k, k + 2), 16));
}

/** Returns "#rrggbb" as a pixel (i32), blended into a background: `light` is its share. */
export function packColor(text, background = text, light = 1) {
  const under = parseColor(background);
  const [red, green, blue] = parseColor(text).map((value, k) => under[k] + (value - under[k]) * light);
  return 0xff000000 | (blue << 16) | ((green & 255) << 8) | (red & 255);
}

/**
 * Returns pixels for SHADES levels of depth, the farthest first. Each level holds, for every one of
 * `colors` ("#rrggbb"), the pixels of points left out, then those of faded, then of plain ones.
 */
export function tabulateColors(colors, { background, faint }, light) {
  const shades = Array.from({ length: SHADES }, (_, k) => DARKEST + ((1 - DARKEST) * k) / (SHADES - 1));
  return Int32Array.from(
    shades.flatMap((near) => [
      ...colors.map(() => packColor(faint, background, light * near)),
      ...colors.map((color) => packColor(color, background, FAINTNESS * light * near)),
      ...colors.map((color) => packColor(color, background, light * near)),
    ]),
  );
}
