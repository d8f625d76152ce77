import { readFile } from 'node:fs/promises';
import { load as parseYaml } from 'js-yaml';

/** One block of code of docs/jenkins.md. */
export interface CiBlock {
  readonly language: string;
  /** What follows the language: which step it is, or which run it shows. */
  readonly title: string;
  readonly content: string;
}

export async function readCiPage(url: URL): Promise<readonly CiBlock[]> {
  const text = await readFile(url, 'utf8');
  return [...text.matchAll(/^```(?<language>\w+) (?<title>.+)\n(?<content>[^]*?)^```$/gm)].map(
    ({ groups }) => ({
      language: groups?.['language'] ?? '',
      title: groups?.['title'] ?? '',
      content: groups?.['content'] ?? '',
    }),
  );
}

/** The script of the one sh step in a piece of a Jenkinsfile, as Jenkins hands it to the shell. */
export function shellOfGroovy(groovy: string): string {
  const [, , script] = /\bsh\b[^']*('''|')([^]*?)\1/.exec(groovy) ?? [];
  // What Groovy would change of it, the shell would not get as it stands in the page.
  if (script === undefined || script.includes('\\')) throw new Error(`no plain sh step in ${groovy}`);
  return script;
}

export interface CiJob {
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The one job of a .gitlab-ci.yml. */
export function jobOfGitlab(yaml: string): CiJob {
  const [job] = Object.values(mappingOf(parseYaml(yaml)));
  const { script, variables } = mappingOf(job);
  if (!Array.isArray(script)) throw new Error('expected the script to be a list');
  return { script: script.map(String).join('\n'), env: textsOf(variables) };
}

/** The one step of a GitHub workflow, with its secrets put in. */
export function jobOfGithub(yaml: string, secrets: Readonly<Record<string, string>>): CiJob {
  const steps = parseYaml(yaml);
  if (!Array.isArray(steps)) throw new Error('expected a list of steps');
  const { run, env } = mappingOf(steps[0]);
  const filled = Object.entries(textsOf(env)).map(([name, value]) => [
    name,
    value.replace(/\$\{\{ secrets\.(\w+) \}\}/g, (_, secret: string) => secrets[secret] ?? ''),
  ]);
  return { script: String(run), env: Object.fromEntries(filled) };
}

function mappingOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null)
    throw new Error(`expected a mapping, found ${String(value)}`);
  return { ...value };
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(mappingOf(value)).map(([name, text]) => [name, String(text)]));
}
