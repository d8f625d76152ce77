import { AppError } from '../../errors.ts';

/**
 * A fault that keeps one dropped file from being worked off, and no other. A user who may drop files can cause it, so it never
 * makes the service degraded. Every other fault is one of the directory or of the service.
 */
export class FileFault extends AppError {}
