/* Buttons that copy the text of an element; they are there only where this runs. */
"use strict";

(() => {
  const textOf = (element) => ("value" in element ? element.value : element.textContent);

  /* Pages that came without https have no clipboard: there the selection is copied. */
  async function copied(element) {
    if (navigator.clipboard && window.isSecureContext) {
      await navigator.clipboard.writeText(textOf(element));
      return true;
    }
    const held = document.createElement("textarea");
    held.value = textOf(element);
    document.body.append(held);
    held.select();
    const done = document.execCommand("copy");
    held.remove();
    return done;
  }

  for (const button of document.querySelectorAll("[data-copy]")) {
    const words = button.innerHTML;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const element = document.getElementById(button.dataset.copy);
      const done = await copied(element).catch(() => false);
      button.textContent = done ? "Copied" : "Select and copy";
      button.focus();
      setTimeout(() => { button.innerHTML = words; }, 1800);
    });
  }
})();
