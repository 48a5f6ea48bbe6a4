/** The page of one job: what the panel does not do, sharing it. */

import { client } from "./page.js";

const button = document.getElementById("share");
const shared = document.getElementById("shared");
const link = document.getElementById("shared-url");
const words = button.querySelector("span");

button.disabled = false; // without this script it does nothing
button.addEventListener("click", async () => {
  button.disabled = true;
  try {
    link.value = (await client.share(button.dataset.jobId)).url;
    shared.hidden = false;
    link.select();
    await navigator.clipboard?.writeText(link.value);
    words.textContent = "Link copied";
  } catch (error) {
    // A link that is there and selected needs one key more; without one, say why.
    words.textContent = link.value ? "Share" : error.message;
  }
  button.disabled = false;
});
