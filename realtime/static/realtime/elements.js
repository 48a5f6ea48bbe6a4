/**
 * `<job-status-bar job-id="…">` and `<task-activity-panel job-id="…">`: a job, live, on any page.
 *
 * @example
 * <script type="module" src="https://jobs.example/static/realtime/elements.js"></script>
 * <task-activity-panel job-id="j1" api-url="https://jobs.example" token="…"></task-activity-panel>
 */

import { TaskActivityPanel } from "./elements_activity_panel.js";
import { JobStatusBar } from "./elements_status_bar.js";

export { useClient } from "./elements_base.js";

customElements.define("job-status-bar", JobStatusBar);
customElements.define("task-activity-panel", TaskActivityPanel);
