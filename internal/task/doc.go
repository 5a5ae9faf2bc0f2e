// Package task holds tasks whose answers a program can check: problems, what is right of
// an answer, and the scores of many answers. Rewards and evaluations both stand on it.
//
// What a model wrote is hostile: an answer costs time that is linear in its length, and a
// value is computed only of as many numbers as the problem itself has.
package task
