import { AppError } from '../errors.ts';

/**
 * What keeps one dropped file from being worked off: others may well be, and so it never makes the service degraded. Whoever
 * may drop files can bring it about. Every other fault is one of the directory or of the service.
 */
export class FileFault extends AppError {}
