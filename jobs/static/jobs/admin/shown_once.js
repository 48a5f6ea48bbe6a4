/** Copies what is shown once. Where the browser lets no page copy, as over plain http, it is selected for the keyboard. */

const secret = document.getElementById("secret");
const button = document.getElementById("copy-secret");
const copied = document.getElementById("copied");

button.hidden = false;
button.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(secret.textContent);
    copied.textContent = "Copied.";
  } catch {
    getSelection().selectAllChildren(secret);
    copied.textContent = "Selected: copy it with the keyboard.";
  }
});
