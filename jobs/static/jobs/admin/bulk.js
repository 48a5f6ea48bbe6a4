/** Goes on with a run, batch after batch, without a click for each. Without this script the button does one batch. */

const form = document.getElementById("bulk");
const progress = form.querySelector(".bulk-progress");
const total = Number(form.dataset.total);

form.addEventListener("submit", async (submitted) => {
  submitted.preventDefault();
  const priority = form.elements.priority?.value ?? "0";
  form.querySelector("[type=submit]").disabled = true;
  form.querySelector(".closelink").textContent = "Stop here";
  progress.hidden = false;
  show(Number(form.dataset.done));
  try {
    while (await goOn(priority));
  } catch (error) {
    say(`It stopped: ${error.message} What is done stays done.`);
    form.querySelector("[type=submit]").disabled = false;
  }
});

/** Have the next batch done; returns whether there are more. */
async function goOn(priority) {
  const body = new URLSearchParams({ csrfmiddlewaretoken: form.elements.csrfmiddlewaretoken.value, token: form.elements.token.value, priority });
  const response = await fetch(form.action, { method: "POST", headers: { Accept: "application/json" }, body });
  if (!response.ok) throw new Error(`the server answered ${response.status}.`);
  const { next, done, token, problem } = await response.json();
  if (next) {
    location.assign(next);
    return false;
  }
  if (problem) throw new Error(problem);
  form.elements.token.value = token;
  show(done);
  return true;
}

function show(done) {
  const percent = total ? Math.min(100, Math.floor((100 * done) / total)) : 0;
  progress.querySelector("rect").setAttribute("width", percent);
  progress.querySelector("svg").setAttribute("aria-valuenow", percent);
  say(`${done.toLocaleString("en")} of ${total.toLocaleString("en")} …`);
}

function say(words) {
  progress.querySelector(".bulk-count").textContent = words;
}
