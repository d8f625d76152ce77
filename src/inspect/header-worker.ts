import { answerJobs } from '../threads/answer-jobs.ts';
import { readHeader } from './read-header.ts';

answerJobs(readHeader);
