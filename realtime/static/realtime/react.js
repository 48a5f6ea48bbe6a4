/**
 * Jobs for React: `useJobProgress` and `useJobs` under a `JobsProvider`, and two components to begin with.
 *
 * @example
 * <JobsProvider apiUrl="https://jobs.example" getToken={getToken} keepFor={user}>
 *   <StatusBar />
 *   <TaskActivityPanel jobId="j1" />
 * </JobsProvider>
 */

export { JobClient, JobError, SignedOut } from "./client.js";
export { StatusBar, TaskActivityPanel } from "./react_components.js";
export { JobsProvider, useJobClient, useJobProgress, useJobs } from "./react_hooks.js";
