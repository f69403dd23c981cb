// Package disktest gives tests a disk that is small, and fills it.
package disktest
