import type { FastifyInstance } from 'fastify';
import { type ParameterName, PARAMETERS, type ParameterSchema } from '../../api/parameters.ts';
import { AppError } from '../../errors.ts';
import type { RouteQuery } from '../route.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    query?: RouteQuery;
  }
}

/**
 * Makes every route refuse parameters that its row does not name: a misspelled one (`?wiat=50`) must not be passed over
 * in silence. A parameter is a text, so one that is given twice is refused as well.
 */
export function refuseUnknownParameters(app: FastifyInstance): void {
  app.addHook('preValidation', async ({ query, routeOptions }) => {
    const known = routeOptions.config.query ?? 'ignored';
    if (known === 'ignored' || typeof query !== 'object' || query === null) return;
    for (const [name, value] of Object.entries(query)) demandKnown(name, value, known);
  });
}

/** @throws AppError PARAMETER_INVALID. */
function demandKnown(given: string, value: unknown, known: readonly ParameterName[]): void {
  const name = known.find((one) => one === given);
  if (name === undefined) throw invalid(`there is no parameter ${given}`);
  if (typeof value !== 'string') throw invalid(`the parameter ${given} is given more than once`);
  const { enum: allowed }: ParameterSchema = PARAMETERS[name];
  if (allowed?.includes(value) === false) {
    throw invalid(`the parameter ${given} takes ${allowed.join(' or ')}`);
  }
}

function invalid(detail: string): AppError {
  return new AppError('PARAMETER_INVALID', detail, {
    hint: 'Correct the request; docs/http.md shows what each URL takes.',
  });
}
