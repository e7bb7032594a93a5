package report

import (
	"cmp"
	"image/color"
	"io"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

const (
	panelWidth  = 5.5 * vg.Inch
	panelHeight = 2.6 * vg.Inch
	// titleHeight is that of the strip with the title and the contestants' names.
	titleHeight = 0.7 * vg.Inch
	labelSize   = vg.Length(8)
	// margin keeps points off a panel's edge, as a factor: the axis is logarithmic.
	margin = 1.4
)

// WriteSVG draws the medians with their spread, on logarithmic axes: a row of
// panels for each value of the first dimension, a column for each plotted metric.
func (r *Result) WriteSVG(w io.Writer) error {
	panels, err := r.panels()
	if err != nil {
		return err
	}
	columns := 1
	if len(panels) > 0 {
		columns = max(columns, len(panels[0]))
	}
	svg := vgsvg.New(panelWidth*vg.Length(columns), titleHeight+panelHeight*vg.Length(len(panels)))
	r.draw(draw.New(svg), panels)
	_, err = svg.WriteTo(w)
	return err
}

func (r *Result) panels() ([][]*plot.Plot, error) {
	var panels [][]*plot.Plot
	for _, value := range r.firstValues() {
		var row []*plot.Plot
		for _, metric := range r.layout.Metrics {
			if !metric.Plotted {
				continue
			}
			panel, err := r.panel(value, metric)
			if err != nil {
				return nil, err
			}
			row = append(row, panel)
		}
		panels = append(panels, row)
	}
	return panels, nil
}

func (r *Result) draw(canvas draw.Canvas, panels [][]*plot.Plot) {
	canvas.SetColor(color.White)
	canvas.Fill(canvas.Rectangle.Path())
	r.drawTitle(draw.Crop(canvas, 0, 0, canvas.Size().Y-titleHeight, 0))
	if len(panels) == 0 || len(panels[0]) == 0 {
		return
	}
	tiles := draw.Tiles{Rows: len(panels), Cols: len(panels[0]), PadX: 12, PadY: 12, PadLeft: 6, PadRight: 12, PadBottom: 6}
	places := plot.Align(panels, tiles, draw.Crop(canvas, 0, 0, 0, -titleHeight))
	for i, row := range panels {
		for j, panel := range row {
			panel.Draw(places[i][j])
		}
	}
}

// firstValues are those of the first dimension.
func (r *Result) firstValues() []string {
	var values []string
	for _, c := range r.Cells {
		if !slices.Contains(values, c.cell.first()) {
			values = append(values, c.cell.first())
		}
	}
	return values
}

// first is the value of the first dimension; empty where there is none.
func (c Cell) first() string { return strings.Join(c[:min(1, len(c))], "") }

// panel is one metric of the cells whose first dimension has a value.
func (r *Result) panel(value string, metric Metric) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = strings.TrimSpace(value + " " + metric.Title)
	p.Title.TextStyle.Font.Size = 10
	lines := plotter.NewGrid()
	lines.Vertical.Color = nil
	lines.Horizontal.Color = color.Gray{0xdd}
	p.Add(lines)
	var cells []CellResult
	var names []string
	for _, c := range r.Cells {
		if c.cell.first() == value {
			cells = append(cells, c)
			names = append(names, strings.Join(c.cell[min(1, len(c.cell)):], "\n"))
		}
	}
	low, high := math.Inf(1), 0.0
	for i, name := range r.layout.Contestants {
		points := newPoints(cells, name, metric.Name, r.layout.offset(i))
		if len(points.XYs) == 0 {
			continue
		}
		low, high = min(low, points.low()), max(high, points.high())
		if err := points.addTo(p, r.layout.glyph(i)); err != nil {
			return nil, err
		}
	}
	p.NominalX(names...)
	p.X.Min, p.X.Max = -0.5, float64(len(names))-0.5
	p.X.Label.Text = strings.Join(r.layout.Dimensions[min(1, len(r.layout.Dimensions)):], ", ")
	p.X.Tick.Label.Font.Size, p.Y.Tick.Label.Font.Size, p.X.Label.TextStyle.Font.Size = labelSize, labelSize, labelSize
	if high > 0 {
		p.Y.Min, p.Y.Max = low/margin, high*margin
		p.Y.Scale = plot.LogScale{}
		p.Y.Tick.Marker = plot.TickerFunc(func(low, high float64) []plot.Tick { return ticks(low, high, metric.Format) })
	}
	return p, nil
}

// offset sets contestants beside each other in their cell.
func (l Layout) offset(i int) float64 {
	n := float64(len(l.Contestants))
	return 0.6 * (float64(i) - (n-1)/2) / n
}

// points are one contestant's, with their spread.
type points struct {
	plotter.XYs
	plotter.YErrors
}

func newPoints(cells []CellResult, contestant, metric string, offset float64) points {
	var p points
	for x, c := range cells {
		for _, result := range c.Contestants {
			// A logarithmic axis has no zero.
			if figure, ok := result.Metrics[metric]; ok && result.Name == contestant && figure.Min > 0 {
				p.XYs = append(p.XYs, plotter.XY{X: float64(x) + offset, Y: figure.Median})
				p.YErrors = append(p.YErrors, struct{ Low, High float64 }{figure.Median - figure.Min, figure.Max - figure.Median})
			}
		}
	}
	return p
}

func (p points) low() float64 {
	return slices.MinFunc(p.XYs, func(a, b plotter.XY) int { return cmp.Compare(a.Y, b.Y) }).Y
}

func (p points) high() float64 {
	return slices.MaxFunc(p.XYs, func(a, b plotter.XY) int { return cmp.Compare(a.Y, b.Y) }).Y
}

func (p points) addTo(panel *plot.Plot, style draw.GlyphStyle) error {
	scatter, err := plotter.NewScatter(p.XYs)
	if err != nil {
		return err
	}
	scatter.GlyphStyle = style
	bars, err := plotter.NewYErrorBars(p)
	if err != nil {
		return err
	}
	bars.Color = style.Color
	panel.Add(bars, scatter)
	return nil
}

// glyph marks the i-th contestant; the subject's stands out.
func (l Layout) glyph(i int) draw.GlyphStyle {
	if l.Contestants[i] == l.Subject {
		return draw.GlyphStyle{Color: color.Black, Radius: vg.Points(3.5), Shape: draw.CircleGlyph{}}
	}
	return draw.GlyphStyle{Color: plotutil.DarkColors[i%len(plotutil.DarkColors)], Radius: vg.Points(3), Shape: plotutil.Shape(i)}
}

// ticks are at 1, 2 and 5 of each power of ten.
func ticks(low, high float64, format func(float64) string) []plot.Tick {
	var out []plot.Tick
	for power := math.Pow(10, math.Floor(math.Log10(low))); power <= high; power *= 10 {
		for _, step := range []float64{1, 2, 5} {
			if value := step * power; value >= low && value <= high {
				out = append(out, plot.Tick{Value: value, Label: format(value)})
			}
		}
	}
	return out
}

// drawTitle draws the title, and below it the contestants beside each other.
func (r *Result) drawTitle(canvas draw.Canvas) {
	style := plot.New().Title.TextStyle
	style.Font.Size, style.XAlign, style.YAlign = 12, draw.XCenter, draw.YCenter
	canvas.FillText(style, vg.Point{X: canvas.Center().X, Y: canvas.Max.Y - 14}, r.Title)
	style.Font.Size, style.XAlign = 10, draw.XLeft
	width := canvas.Size().X / vg.Length(len(r.layout.Contestants)+1)
	for i, name := range r.layout.Contestants {
		at := vg.Point{X: canvas.Min.X + width*(vg.Length(i)+0.8), Y: canvas.Max.Y - 34}
		canvas.DrawGlyph(r.layout.glyph(i), at)
		canvas.FillText(style, vg.Point{X: at.X + 8, Y: at.Y}, name)
	}
}
