namespace ChainOfSpot.Text;

/// <summary>The word that asks for the region: "…, what is the region of interest in the image?"</summary>
public enum RegionQuestionWord
{
    /// <summary>"what": the official evaluation, and so the published numbers.</summary>
    What,

    /// <summary>"where": the official training.</summary>
    Where,
}
