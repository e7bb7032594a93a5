// Package report makes a table, JSON and a plot of what a comparison measured:
// several contestants under the same load, in rounds that follow each other
// closely, so that what disturbs the machine disturbs all of them.
//
// A figure is the median over the rounds, beside the least and the greatest. For
// six to eight rounds these two are the 95 % confidence interval of the median;
// for fewer there is none. A ratio is taken within each round, and the median of
// those is what is told: a machine that is slow for a while is so for both.
package report
