import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { newToken } from '../../src/trust/token-hash.ts';
import { CI_TOKEN, startAccessSite } from '../support/access-site.ts';
import { type CiAgent, createCiAgent } from '../support/ci-agent.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import {
  type CiBlock,
  type CiJob,
  jobOfGithub,
  jobOfGitlab,
  readCiPage,
  shellOfGroovy,
} from '../support/read-ci-page.ts';
import type { Site } from '../support/run-site.ts';
import { type Exchanged, type SeenRequest, startScriptedServer } from '../support/scripted-server.ts';
import { createTempDir } from '../support/temp-dir.ts';

const PAGE = new URL('../../docs/jenkins.md', import.meta.url);
const PUBLIC_URL = 'https://repo.example.com';
const BUILD_URL = 'https://jenkins.example.com/job/hello/7/';
const MAX_YAML_LINES = 10;

let blocks: readonly CiBlock[];

beforeAll(async () => {
  blocks = await readCiPage(PAGE);
});

function blockOf(language: string, title: string): string {
  const found = blocks.find((block) => block.language === language && block.title === title);
  if (found === undefined) throw new Error(`the page has no block ${language} ${title}`);
  return found.content;
}

/** What the build made. */
async function build(agent: CiAgent, summary = 'example'): Promise<void> {
  const dist = join(agent.workspace, 'dist');
  await rm(dist, { recursive: true, force: true });
  await mkdir(dist);
  for (const name of ['hello', 'hello-libs']) {
    const spec = { name, version: '1.0', release: '1.el9', arch: 'x86_64' };
    // Only one of them differs between builds.
    const bytes = craftRpm({ ...spec, summary: name === 'hello' ? summary : 'example' });
    await writeFile(join(dist, `${name}-1.0-1.el9.x86_64.rpm`), bytes);
  }
}

/** Takes out what differs from run to run, of the page and of a run alike. */
function comparable(text: string, site?: Site): readonly string[] {
  const lines = text
    .replaceAll(site?.baseUrl ?? PUBLIC_URL, PUBLIC_URL)
    .replaceAll(/[0-9a-f]{64}/g, '<sha256>')
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<id>')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replaceAll(/\b\d+\.\d s\b/g, '<duration>')
    .replaceAll(/"(?:address|sizeBytes|keptUntil|changedAt)":(?:"[^"]*"|\d+)/g, '')
    // How many there are depends on how long the job waits; the test does not wait for minutes.
    .replaceAll(
      /^(?:Warning: .*retries left\.?\n(?:(?:Warning: )?Throwing away \d+ bytes\n)?(?:\.\.\.\n)?)+/gm,
      'Warning: <tries>\n',
    )
    .replaceAll(/^(?:[A-Z_]+: .*; trying again in <duration>\n(?:\.\.\.\n)?)+/gm, '<tries>\n')
    .trimEnd()
    .split('\n');
  // Which of several packages that are sent at once is there first is chance.
  return text.includes('rpmyard push') ? lines.toSorted() : lines;
}

async function expectNoSecret(site: Site, agent: CiAgent, output: string, token = CI_TOKEN): Promise<void> {
  const access = await readFile(join(site.root, 'nginx/access.log'), 'utf8');
  expect(access).toContain('/upload');
  const places = {
    output,
    access,
    arguments: await agent.seenArguments(),
    log: JSON.stringify(site.service.log),
    audit: await readFile(join(site.stateDir, 'audit.log'), 'utf8'),
  };
  expect(places.arguments).toMatch(/^(?:curl|rpmyard) /m);
  for (const [place, text] of Object.entries(places))
    expect({ place, has: text.includes(token) }).toEqual({ place, has: false });
}

const SHELLS = { dash: ['dash', '-xe'], bash: ['bash', '--posix', '-xe'] } as const;

/** Exit codes of the steps in each situation. */
const EXIT_CODES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  curl: { new: 0, again: 0, conflict: 1, 'wrong-token': 1, down: 1 },
  'curl-batch': { new: 0, conflict: 1 },
  push: { new: 0, again: 0, conflict: 1, 'wrong-token': 1, down: 3 },
  'push-batch': { new: 0, conflict: 1 },
};

const GITLAB_JOB_URL = 'https://gitlab.example.com/group/hello/-/jobs/7';
const GITHUB_RUN_URL = 'https://github.example.com/group/hello/actions/runs/7';

/** What the servers set in every job. */
const SERVER_VARIABLES = {
  CI_JOB_URL: GITLAB_JOB_URL,
  GITHUB_SERVER_URL: 'https://github.example.com',
  GITHUB_REPOSITORY: 'group/hello',
  GITHUB_RUN_ID: '7',
};

interface Job extends CiJob {
  /** As the servers run their scripts. */
  readonly shell: readonly string[];
  readonly buildUrl: string;
}

const gitlab = (yaml: string): Job => ({
  ...jobOfGitlab(yaml),
  shell: ['bash', '-eo', 'pipefail'],
  buildUrl: GITLAB_JOB_URL,
});

const github = (yaml: string): Job => {
  const job = jobOfGithub(yaml, { RPMYARD_TOKEN: CI_TOKEN });
  // CI_JOB_URL is not set there.
  const env = { ...job.env, CI_JOB_URL: '' };
  return { ...job, env, shell: ['bash', '-e'], buildUrl: GITHUB_RUN_URL };
};

const JOBS: Readonly<Record<string, (yaml: string) => Job>> = {
  'gitlab curl': gitlab,
  'gitlab push': gitlab,
  'github curl': github,
  'github push': github,
};

function titlesOf(language: string): readonly string[] {
  return blocks
    .filter((block) => block.language === language)
    .map(({ title }) => title)
    .toSorted();
}

/** Runs a step of Jenkins against a service that answers its requests, counted from 1, as the test says. */
async function runScripted(
  step: string,
  answer: (count: number, exchanged: Exchanged) => void,
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly seen: readonly SeenRequest[]; readonly exitCode: number; readonly output: string }> {
  await using dir = await createTempDir();
  const agent = await createCiAgent(dir.path);
  await build(agent);
  await using server = await startScriptedServer(async (exchanged) => {
    const count = server.seen.length;
    await exchanged.takeBody();
    return answer(count, exchanged);
  });
  const variables = { RPMYARD_URL: server.baseUrl, RPMYARD_TOKEN: CI_TOKEN, BUILD_URL, ...env };
  const result = await agent.run(SHELLS.dash, shellOfGroovy(blockOf('groovy', step)), variables);
  return { ...result, seen: [...server.seen] };
}

interface Situation {
  readonly token: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Brings the build and the service into a situation that the page shows. */
async function bring(situation: string, site: Site, agent: CiAgent): Promise<Situation> {
  await build(agent, situation === 'conflict' ? 'other bytes' : 'example');
  if (situation === 'down') await site.service.stop();
  return {
    token: situation === 'wrong-token' ? newToken() : CI_TOKEN,
    env: situation === 'down' ? { curl_more: '--retry-max-time 3', rpmyard_more: '--timeout 2' } : {},
  };
}

describe.each(Object.entries(SHELLS))('docs/jenkins.md, a step of Jenkins in %s', (_, shell) => {
  it.each(Object.keys(EXIT_CODES))('%s prints what the page shows, and its token nowhere', async (step) => {
    await using site = await startAccessSite('nginx');
    const agent = await createCiAgent(join(site.workDir, 'agent'));
    const script = shellOfGroovy(blockOf('groovy', step));
    for (const [situation, expected] of Object.entries(EXIT_CODES[step] ?? {})) {
      const { token, env } = await bring(situation, site, agent);
      const { exitCode, output } = await agent.run(shell, script, {
        RPMYARD_URL: site.baseUrl,
        RPMYARD_TOKEN: token,
        BUILD_URL,
        BUILD_TAG: `jenkins-hello%2Fmain-${situation === 'conflict' ? 8 : 7}`,
        ...env,
      });
      const title = situation === 'new' ? step : `${step} ${situation}`;
      expect(comparable(output, site)).toEqual(comparable(blockOf('console', title)));
      expect(exitCode).toBe(expected);
      await expectNoSecret(site, agent, output, token);
    }
  });
});

describe('docs/jenkins.md', () => {
  it('shows nothing that is not tried, and the Jenkinsfile names the service', () => {
    const steps = Object.keys(EXIT_CODES);
    const runs = Object.entries(EXIT_CODES).flatMap(([step, situations]) =>
      Object.keys(situations).map((one) => (one === 'new' ? step : `${step} ${one}`)),
    );
    expect(titlesOf('console')).toEqual([...runs, 'audit'].toSorted());
    expect(titlesOf('groovy')).toEqual(steps.toSorted());
    expect(titlesOf('yaml')).toEqual(Object.keys(JOBS).toSorted());
    expect(blockOf('groovy', 'curl')).toContain(`RPMYARD_URL = '${PUBLIC_URL}'`);
  });

  it('shows what the audit log has of a package', async () => {
    await using site = await startAccessSite('nginx');
    const agent = await createCiAgent(join(site.workDir, 'agent'));
    await build(agent);
    const env = { RPMYARD_URL: site.baseUrl, RPMYARD_TOKEN: CI_TOKEN, BUILD_URL };
    await agent.run(SHELLS.dash, shellOfGroovy(blockOf('groovy', 'curl')), env);
    const [first = ''] = (await readFile(join(site.stateDir, 'audit.log'), 'utf8')).split('\n');
    expect(comparable(first, site)).toEqual(comparable(blockOf('console', 'audit')));
  });

  it('has a curl step that waits as long as it is told to, and begins anew after a cut', async () => {
    const { seen, exitCode, output } = await runScripted(
      'curl',
      (count, { seen: { method }, answer, cut }) => {
        if (count === 1) return cut();
        if (count <= 3) return answer(202, undefined, { location: 'api/v1/uploads/x' });
        return answer(method === 'PUT' ? 201 : 200);
      },
    );
    expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
    expect(seen.map(({ method, path }) => `${method} ${path.replace(/[0-9a-f]{64}/, '<sha256>')}`)).toEqual([
      'PUT /upload?wait=50',
      'PUT /upload?wait=50',
      'GET /api/v1/uploads/<sha256>?wait=50',
      'GET /api/v1/uploads/<sha256>?wait=50',
      'PUT /upload?wait=50',
    ]);
    expect(seen.every(({ headers }) => headers['x-build-url'] === BUILD_URL)).toBe(true);
    expect(seen.every(({ headers }) => headers.authorization === `Bearer ${CI_TOKEN}`)).toBe(true);
  });

  it.each([
    ['jenkins-hello-7', 'jenkins-hello-7'],
    ['jenkins-a job-feature%2Fü-7', 'jenkins-a-job-feature-2F---7'],
    [`jenkins-${'folder-'.repeat(20)}7`, `${'folder-'.repeat(20)}7`.slice(-100).replace(/^-/, '')],
  ])('has a batch step that makes a name of %s, and commits until it is done', async (tag, expected) => {
    const { seen, exitCode } = await runScripted(
      'curl-batch',
      (count, { answer }) => answer(count < 5 ? 202 : 200),
      { BUILD_TAG: tag },
    );
    expect(exitCode).toBe(0);
    expect(seen.slice(0, 2).map(({ headers }) => headers['x-batch'])).toEqual([expected, expected]);
    expect(expected).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/);
    const commit = `POST /api/v1/batches/${expected}/commit?wait=50`;
    expect(seen.slice(2).map(({ method, path }) => `${method} ${path}`)).toEqual([commit, commit, commit]);
  });

  it.each(Object.keys(JOBS))(
    'has a job for %s in ten lines, which uploads and fails with a conflict',
    async (title) => {
      const yaml = blockOf('yaml', title);
      expect(yaml.trimEnd().split('\n').length).toBeLessThanOrEqual(MAX_YAML_LINES);
      await using site = await startAccessSite('nginx');
      const agent = await createCiAgent(join(site.workDir, 'agent'));
      const job = JOBS[title]?.(yaml) ?? { shell: [], script: '', env: {}, buildUrl: '' };
      expect(job.env['RPMYARD_URL']).toBe(PUBLIC_URL);
      // GitLab hands variables of the project to every job; the workflow of GitHub has to name its secret.
      const env = { RPMYARD_TOKEN: CI_TOKEN, ...SERVER_VARIABLES, ...job.env, RPMYARD_URL: site.baseUrl };
      expect(env.RPMYARD_TOKEN).toBe(CI_TOKEN);
      await build(agent);
      const published = await agent.run(job.shell, job.script, env);
      expect(published).toMatchObject({ exitCode: 0 });
      const names = await readdir(join(site.storageDir, '9/x86_64/Packages'));
      expect(names.toSorted()).toEqual(['hello-1.0-1.el9.x86_64.rpm', 'hello-libs-1.0-1.el9.x86_64.rpm']);
      const audit = await readFile(join(site.stateDir, 'audit.log'), 'utf8');
      expect(audit).toContain(`"buildUrl":"${job.buildUrl}"`);
      await build(agent, 'other bytes');
      const refused = await agent.run(job.shell, job.script, env);
      expect(refused.exitCode).toBe(1);
      expect(refused.output).toContain('PACKAGE_CONFLICT: hello-1.0-1.el9.x86_64');
      await expectNoSecret(site, agent, published.output + refused.output);
    },
  );
});
