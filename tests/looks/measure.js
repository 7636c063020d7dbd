// Measures each frame when all have loaded, and leaves the findings as JSON in the element #found.

const LARGE_ENOUGH = 0.5; // a pixel that is cut in half is not an overflow

function channels(color) {
  return color.match(/[\d.]+/g).map(Number);
}

// WCAG 2.2, relative luminance.
function luminance([red, green, blue]) {
  const [r, g, b] = [red, green, blue]
    .map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one, other) {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

function background(window, element) {
  for (let each = element; each; each = each.parentElement) {
    const color = channels(window.getComputedStyle(each).backgroundColor);
    if (color.length === 3 || color[3] === 1) return color;
  }
  return [255, 255, 255];
}

function texts(window) {
  const found = [];
  const walker = window.document.createTreeWalker(window.document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    const style = window.getComputedStyle(element);
    found.push({
      text: walker.currentNode.data.trim(),
      contrast: contrast(channels(style.color), background(window, element)),
      size: parseFloat(style.fontSize),
    });
  }
  return found;
}

function beyond(window) {
  return [...window.document.body.querySelectorAll("*")]
    .filter((element) => element.checkVisibility())
    .filter((element) => {
      const { left, right } = element.getBoundingClientRect();
      return left < -LARGE_ENOUGH || right > window.innerWidth + LARGE_ENOUGH;
    })
    .map((element) => element.outerHTML.slice(0, 120));
}

function measure(frame) {
  const { contentWindow: window, contentDocument: document } = frame;
  const { width } = document.querySelector(".column").getBoundingClientRect();
  frame.height = document.documentElement.scrollHeight;
  return {
    mail: frame.dataset.mail,
    scheme: frame.dataset.scheme,
    height: Number(frame.height),
    inner: window.innerWidth,
    paper: luminance(background(window, document.body)),
    scroll: document.scrollingElement.scrollWidth,
    column: width,
    beyond: beyond(window),
    texts: texts(window),
    buttons: [...document.querySelectorAll(".button a")].map((each) => each.getBoundingClientRect().height),
  };
}

addEventListener("load", () => {
  const found = [...document.querySelectorAll("iframe")].map(measure);
  // The element is a script, where a tag would end it.
  document.querySelector("#found").textContent = JSON.stringify(found).replaceAll("<", "\\u003c");
});
