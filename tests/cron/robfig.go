// The same as cron_times.cc, also the time zone, by another implementation: robfig/cron.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron"
)

func main() {
	zone, err := time.LoadLocation(os.Args[1])
	if err != nil {
		panic(err)
	}
	parser := cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		parts := strings.Split(lines.Text(), "|")
		schedule, err := parser.Parse(parts[0])
		if err != nil {
			fmt.Println("error")
			continue
		}
		start, _ := strconv.ParseInt(parts[1], 10, 64)
		count, _ := strconv.Atoi(parts[2])
		t := time.Unix(start, 0).In(zone)
		for ; count > 0; count-- {
			t = schedule.Next(t)
			fmt.Print(t.Unix(), " ")
		}
		fmt.Println()
	}
}
