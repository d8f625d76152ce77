import { readFile } from 'node:fs/promises';
import type { RouteHandlers } from '../routes.ts';

export interface DescribedService {
  /** How clients reach the service, without a slash at its end. */
  readonly publicUrl: string;
  /** With a slash at its beginning, as `/upload`. */
  readonly uploadPath: string;
}

/** Written by `npm run reference`; it lies above src/ in a checkout, and above dist/ in a package. */
const WRITTEN = new URL('../../../openapi.json', import.meta.url);

/** The description of the API in OpenAPI 3.1, with the URLs of this service. */
export function createOpenapiHandler(service: DescribedService): Pick<RouteHandlers, 'describeApi'> {
  let described: Promise<object> | undefined;
  return {
    describeApi: async () => {
      described ??= describe(service);
      try {
        return await described;
      } catch (error) {
        // The next request reads the file again.
        described = undefined;
        throw error;
      }
    },
  };
}

async function describe({ publicUrl, uploadPath }: DescribedService): Promise<object> {
  const written: { readonly paths: object } = JSON.parse(await readFile(WRITTEN, 'utf8'));
  const paths = Object.entries(written.paths).map(([path, item]) => [
    path.replace(/^\/upload(?=\/|$)/, uploadPath),
    item,
  ]);
  return { ...written, servers: [{ url: publicUrl }], paths: Object.fromEntries(paths) };
}
