import { useState } from "react";
import { JobsProvider, StatusBar, TaskActivityPanel, useJobClient, useJobs } from "omnibrowser-jobs/react";

import { API_URL, Session, SOCKET_URL } from "./session.js";

const WORDS_PER_SECOND = 30; // as fast as one reads along

export function App() {
  const [session, setSession] = useState(Session.recall);
  if (!session) return <SignIn onSignedIn={setSession} />;
  return (
    <JobsProvider key={session.user} apiUrl={API_URL} socketUrl={SOCKET_URL} getToken={session.getToken} keepFor={session.user}>
      <Jobs session={session} onSignedOut={() => setSession(null)} />
    </JobsProvider>
  );
}

function SignIn({ onSignedIn }) {
  const [problem, setProblem] = useState("");
  const signIn = async (form) => {
    try {
      onSignedIn(await Session.begin(form.get("user"), form.get("password")));
    } catch (error) {
      setProblem(error.message);
    }
  };
  return (
    <form className="sign-in" action={signIn}>
      <h1>Jobs</h1>
      <label>User <input name="user" autoComplete="username" required /></label>
      <label>Password <input name="password" type="password" autoComplete="current-password" required /></label>
      <button>Sign in</button>
      <p role="alert">{problem}</p>
    </form>
  );
}

function Jobs({ session, onSignedOut }) {
  const client = useJobClient();
  const { jobs, create } = useJobs();
  const [chosen, choose] = useState(null);
  const jobId = chosen ?? jobs?.[0]?.jobId;
  const start = (form) => choose(create({ type: "search", query: form.get("query"), input: { wordsPerSecond: WORDS_PER_SECOND } }).jobId);
  const signOut = () => {
    client.forget();
    session.end();
    onSignedOut();
  };
  return (
    <>
      <header>
        <StatusBar />
        <button onClick={signOut}>Sign out {session.user}</button>
      </header>
      <main>
        <form action={start}>
          <input name="query" placeholder="What is a coroutine?" aria-label="Question" required />
          <button>Start</button>
        </form>
        {jobId && <TaskActivityPanel jobId={jobId} />}
        <ul className="jobs">
          {jobs?.map((job) => (
            <li key={job.jobId}>
              <button aria-pressed={job.jobId === jobId} onClick={() => choose(job.jobId)}>
                {job.query || job.type} <small>{job.state}, {Math.floor(job.progress)} %</small>
              </button>
            </li>
          ))}
        </ul>
      </main>
    </>
  );
}
